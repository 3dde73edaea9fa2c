/** How a version of the API differs from the contract's own names. */
export interface Version {
  /** In the path: /api/v1. */
  readonly name: string;
  /** Names of fields by message type: as the contract has them in JSON, and as this version has them. */
  readonly renames: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The version that takes its place; absent on the current one. */
  readonly deprecated?: {
    readonly since: Date;
    readonly sunset: Date;
    readonly successor: string;
  };
}
