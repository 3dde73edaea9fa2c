/** Of the page of Grafana that a runbook is. */
export const runbookUid = (name: string): string => `weft-runbook-${name}`;

/** A page of Grafana that shows a runbook, so that an alert leads to it where it is seen. */
export function runbookPage(name: string, text: string): object {
  const [heading = '', ...rest] = text.trim().split('\n');
  return {
    uid: runbookUid(name),
    title: `Runbook: ${heading.replace(/^# /, '')}`,
    tags: ['weft', 'runbook'],
    schemaVersion: 39,
    version: 1,
    links: [{ title: 'weft', type: 'dashboards', tags: ['weft'], asDropdown: true, keepTime: true }],
    panels: [
      {
        id: 1,
        title: `docs/runbooks/${name}.md`,
        type: 'text',
        gridPos: { x: 0, y: 0, w: 24, h: 14 },
        options: { mode: 'markdown', content: rest.join('\n').trim() },
      },
    ],
  };
}
