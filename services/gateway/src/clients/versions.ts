import { type DescFile, getOption } from '@bufbuild/protobuf';
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { file_weft_policy_v1_api_v1 as v1 } from '@weft/gen/es/weft/policy/v1/api_v1_pb';
import { file_weft_policy_v1_api_v2 as v2 } from '@weft/gen/es/weft/policy/v1/api_v2_pb';
import { api_version as apiVersion } from '@weft/gen/es/weft/policy/v1/policy_pb';
import type { Version } from '../versions/version.ts';

/** The versions of the API, each a small file of the contracts. */
export const versions: readonly Version[] = [v1, v2].map(versionOf);

function versionOf(file: DescFile): Version {
  const { name, renames, deprecated } = getOption(file, apiVersion);
  return {
    name,
    renames: new Map(renames.map((one) => [one.field, one.name])),
    ...(deprecated && {
      deprecated: {
        since: timestampDate(deprecated.since as Timestamp),
        sunset: timestampDate(deprecated.sunset as Timestamp),
        successor: deprecated.successor,
      },
    }),
  };
}
