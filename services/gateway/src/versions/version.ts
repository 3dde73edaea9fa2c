/** How a version of the API differs from the contract's own names. */
export interface Version {
  /** In the path: /api/v1. */
  readonly name: string;
  /** Names of fields as this version has them in JSON, by their full names in the contract. */
  readonly renames: ReadonlyMap<string, string>;
  /** The version that takes its place; absent on the current one. */
  readonly deprecated?: {
    readonly since: Date;
    readonly sunset: Date;
    readonly successor: string;
  };
}
