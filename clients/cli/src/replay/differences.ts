/** Where the file and the servers do not agree. */
export interface Difference {
  readonly what: string;
  readonly file: string;
  readonly servers: string;
}

/** Notes a difference when the two are not the same. */
export type Same = (what: string, file: bigint | string, servers: bigint | string) => void;

export function findDifferences(): { readonly differences: readonly Difference[]; readonly same: Same } {
  const differences: Difference[] = [];
  return {
    differences,
    same: (what, file, servers) => {
      if (file !== servers) differences.push({ what, file: String(file), servers: String(servers) });
    },
  };
}
