/**
 * NAME.js of a build: runs NAME.cjs, with the code that V8 made of it at a rehearsal, NAME.code, where that is there and is of this
 * bundle and this Node.js; otherwise it is compiled as always. With WEFT_REHEARSAL=true it writes NAME.code of all that has run when it ends, and has then done
 * what it was to do: without settings that is to load it.
 */
const { readFileSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname } = require('node:path');
const { constants, Script } = require('node:vm');
const { crc32 } = require('node:zlib');

const filename = __filename.replace(/\.js$/, '.cjs');
const codeFile = __filename.replace(/\.js$/, '.code');
const rehearsal = process.env.WEFT_REHEARSAL === 'true';
const CHECKSUM_BYTES = 4;

const source = readFileSync(filename);
const checksum = Buffer.alloc(CHECKSUM_BYTES);
checksum.writeUInt32LE(crc32(source));

/** V8 looks at the length of the source alone. */
function knownCode() {
  try {
    const known = readFileSync(codeFile);
    return known.subarray(0, CHECKSUM_BYTES).equals(checksum) ? known.subarray(CHECKSUM_BYTES) : undefined;
  } catch {
    return undefined;
  }
}

// A bundle is a function's text, in ASCII.
const script = new Script(source.latin1Slice(), {
  filename,
  cachedData: rehearsal ? undefined : knownCode(),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
let loaded = false;
if (rehearsal) {
  process.on('exit', () => {
    if (!loaded) return;
    writeFileSync(codeFile, Buffer.concat([checksum, script.createCachedData()]));
    process.exitCode = 0;
  });
}
const main = { exports: {} };
script.runInThisContext()(main.exports, createRequire(filename), main, filename, dirname(filename));
loaded = true;
