import { InvalidArgument } from '../failure/index.ts';

/** The version after which a watch goes on; undefined for an empty token. Throws InvalidArgument for what is no token. */
export function versionOf(resumeToken: string): bigint | undefined {
  if (resumeToken === '') return undefined;
  if (/^\d{1,18}$/.test(resumeToken)) return BigInt(resumeToken);
  const description = 'must be the resume_token of an earlier response';
  throw new InvalidArgument([{ field: 'resume_token', rule: 'resume_token', description }]);
}

export const resumeTokenOf = (version: bigint): string => String(version);
