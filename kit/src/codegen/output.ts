import type { DescFile, DescService } from '@bufbuild/protobuf';

/** A file to write: its path from the repository's root, and its text. */
export interface GeneratedFile {
  readonly path: string;
  readonly content: string;
}

/** The gRPC services of one service of the system. */
export interface ServiceContract {
  /** Of the service: `orders`. */
  readonly name: string;
  /** Of its own packages. */
  readonly grpc: readonly DescService[];
}

/** What a generator is given. */
export interface Contracts {
  /** Every file of the packages `weft.*`, by name. */
  readonly files: readonly DescFile[];
  /** By name. */
  readonly services: readonly ServiceContract[];
  /** What every service serves beside its own. */
  readonly shared: readonly DescService[];
  /** The service through which end users come in, which has no contract of its own. */
  readonly edge: string | undefined;
}

/** Writes one kind of file from all contracts; the same contracts give the same text. Throws where an option is wrong. */
export type Output = (contracts: Contracts) => readonly GeneratedFile[];

/** The first line of a file in YAML. */
export const YAML_HEADER = '# Written by protoc-gen-weft from the contracts: change proto/, then `npm run gen`.\n';
