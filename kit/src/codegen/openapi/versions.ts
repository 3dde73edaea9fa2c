import { type DescField, type DescMessage, getOption, hasOption } from '@bufbuild/protobuf';
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { api_version as apiVersion } from '@weft/gen/es/weft/policy/v1/policy_pb';
import type { Contracts } from '../output.ts';

/** A version of the REST API, as its file in the contracts says it. */
export interface Version {
  /** `v1`. */
  readonly name: string;
  /** Where the edge mounts the contracts' paths: `/api/v1`. */
  readonly mount: string;
  /** Absent on the current one. */
  readonly deprecated: { readonly since: Date; readonly sunset: Date; readonly successor: string } | undefined;
  /** Name of a field in bodies and answers. */
  nameOf(field: DescField): string;
}

/** Every version, the current one first. Throws where none or more than one is current, and where a rename is of no field. */
export function versionsOf({ files }: Contracts): Version[] {
  const messages = new Map(files.flatMap((file) => file.messages).map((message) => [message.typeName, message]));
  const versions = files
    .filter((file) => hasOption(file, apiVersion))
    .map((file): Version => {
      const { name, renames, deprecated } = getOption(file, apiVersion);
      const names = new Map(renames.map((one) => [fieldNamed(one.field, messages), one.name]));
      return {
        name,
        mount: `/api/${name}`,
        deprecated: deprecated && {
          since: dateOf(deprecated.since, name),
          sunset: dateOf(deprecated.sunset, name),
          successor: deprecated.successor,
        },
        nameOf: (field) => names.get(field) ?? field.jsonName,
      };
    });
  const current = versions.filter(({ deprecated }) => !deprecated);
  if (versions.length > 0 && current.length !== 1)
    throw new Error(`of the versions ${versions.map(({ name }) => name).join(', ')} one has to be current`);
  return [...current, ...versions.filter(({ deprecated }) => deprecated)];
}

function fieldNamed(path: string, messages: ReadonlyMap<string, DescMessage>): DescField {
  const cut = path.lastIndexOf('.');
  const field = messages.get(path.slice(0, cut))?.fields.find(({ name }) => name === path.slice(cut + 1));
  if (!field) throw new Error(`a version renames ${path}, which is no field`);
  return field;
}

function dateOf(time: Timestamp | undefined, name: string): Date {
  if (!time) throw new Error(`${name} does not say since when it is deprecated, and until when it is there`);
  return timestampDate(time);
}
