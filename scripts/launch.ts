/**
 * NAME.js of a build: runs NAME.cjs, with the code that V8 made of it at a rehearsal, NAME.code, where that is there and is of this
 * bundle and this Node.js; otherwise it is compiled as always. With WEFT_REHEARSAL=true it writes NAME.code of all that has run when it
 * ends, and has then done what it was to do: without settings that is to load it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { constants, Script } from 'node:vm';
import { crc32 } from 'node:zlib';

const filename = __filename.replace(/\.js$/, '.cjs');
const codeFile = __filename.replace(/\.js$/, '.code');
const rehearsal = process.env.WEFT_REHEARSAL === 'true';
const CHECKSUM_BYTES = 4;

function checksumOf(source: Buffer): Buffer {
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeUInt32LE(crc32(source));
  return checksum;
}

/** V8 itself looks at the length of the source alone. */
function knownCode(source: Buffer): Buffer | undefined {
  try {
    const known = readFileSync(codeFile);
    return known.subarray(0, CHECKSUM_BYTES).equals(checksumOf(source)) ? known.subarray(CHECKSUM_BYTES) : undefined;
  } catch {
    return undefined;
  }
}

/** A bundle is a function's text, in ASCII. */
function compile(): Script {
  const source = readFileSync(filename);
  return new Script(source.toString('latin1'), {
    filename,
    cachedData: rehearsal ? undefined : knownCode(source),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

function run(): void {
  const script = compile();
  let loaded = false;
  if (rehearsal) {
    process.on('exit', () => {
      if (!loaded) return;
      const checksum = checksumOf(readFileSync(filename));
      writeFileSync(codeFile, Buffer.concat([checksum, script.createCachedData()]));
      process.exitCode = 0;
    });
  }
  const main = { exports: {} };
  script.runInThisContext()(main.exports, createRequire(filename), main, filename, dirname(filename));
  loaded = true;
}

run();
