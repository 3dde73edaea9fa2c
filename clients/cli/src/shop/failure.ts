/** Something that the person who runs the command can put right: one clear line, exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
