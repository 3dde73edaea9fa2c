import { hash } from 'node:crypto';

const STYLE = `
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h2{margin:2rem 0 .5rem;border-bottom:1px solid #ddd}summary{cursor:pointer;padding:.35rem 0}
code,pre{font:13px/1.4 ui-monospace,monospace}pre{background:#f5f5f5;padding:.75rem;overflow:auto}
.verb{display:inline-block;min-width:4.5rem;font-weight:700}.old{text-decoration:line-through;color:#777}
input{width:100%;padding:.5rem;font:inherit;box-sizing:border-box}
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#222}h2{border-color:#444}}`;

// Text is only ever put in as text: a document cannot bring code along.
const SCRIPT = `
const make=(tag,text,kind)=>{const one=document.createElement(tag);if(text)one.textContent=text;if(kind)one.className=kind;return one};
const part=(id)=>document.getElementById(id);
const list=part('list'),search=part('search'),links=[...part('documents').children];
const wanted=links.find((one)=>one.getAttribute('href')===new URLSearchParams(location.search).get('of'))||links[0];
for(const one of links)if(one!==wanted){const show=make('a','(show)');show.href='?of='+one.getAttribute('href');one.after(' ',show)}
fetch(wanted.getAttribute('href')).then((r)=>r.json()).then((api)=>{
  if(!api.paths)throw new Error(api.detail||'there is no document');
  part('title').textContent=api.info.title+' '+api.info.version;part('about').textContent=api.info.description;
  const groups=new Map();
  for(const [path,item] of Object.entries(api.paths))for(const [verb,op] of Object.entries(item)){
    if(typeof op!=='object'||!op.responses)continue;
    const tag=(op.tags||['other'])[0];
    if(!groups.has(tag))groups.set(tag,[]);
    groups.get(tag).push({path,verb,op});
  }
  const show=()=>{
    const wanted=search.value.toLowerCase();list.replaceChildren();
    for(const [tag,ops] of groups){
      const found=ops.filter(({path,op})=>(path+' '+(op.summary||'')).toLowerCase().includes(wanted));
      if(!found.length)continue;
      list.append(make('h2',tag));
      for(const {path,verb,op} of found){
        const one=make('details'),head=make('summary');
        head.append(make('span',verb.toUpperCase(),'verb'),make('code',path,op.deprecated?'old':''),make('span','  '+(op.summary||'')));
        one.append(head);
        one.addEventListener('toggle',()=>{if(one.open&&one.children.length===1){
          if(op.description)one.append(make('p',op.description));
          one.append(make('pre',JSON.stringify({parameters:op.parameters,requestBody:op.requestBody,responses:op.responses,security:op.security},null,2)));
        }});
        list.append(one);
      }
    }
  };
  search.addEventListener('input',show);show();
}).catch((error)=>{list.textContent=error.message});`;

const link = (path: string): string => `<a href="${path}">${path.slice(1)}</a>`;

const hashed = (text: string): string => `'sha256-${hash('sha256', text, 'base64')}'`;

export const PAGE_POLICY = `default-src 'none'; connect-src 'self'; style-src ${hashed(STYLE)}; script-src ${hashed(SCRIPT)}; frame-ancestors 'none'; base-uri 'none'`;

/** Shows the documents at these paths, the first to begin with, with nothing from any other host. */
export const documentPage = (paths: readonly string[]): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Weft API</title>
<style>${STYLE}</style></head><body>
<h1 id="title">Weft API</h1><p id="documents">${paths.map(link).join(' ')}</p><p id="about"></p>
<input id="search" type="search" placeholder="Search paths" aria-label="Search paths"><div id="list">…</div>
<script>${SCRIPT}</script></body></html>
`;
