import type { DescMessage } from '@bufbuild/protobuf';
import { type JsonObject, Malformed } from '../rest/json-text.ts';
import type { Version } from './version.ts';

/** Changes the names of one message's JSON, in place of what it is given. */
export type Transform = (json: JsonObject) => JsonObject;

interface Direction {
  rename(renames: Readonly<Record<string, string>>, json: JsonObject): JsonObject;
}

const toVersion: Direction = {
  rename(renames, json) {
    const nameOf = (name: string) => (Object.hasOwn(renames, name) ? (renames[name] as string) : name);
    return Object.fromEntries(Object.entries(json).map(([name, value]) => [nameOf(name), value]));
  },
};

const fromVersion: Direction = {
  rename(renames, json) {
    const back = new Map(Object.entries(renames).map(([ours, theirs]) => [theirs, ours]));
    const entries = Object.entries(json).map(([name, value]): [string, unknown] => {
      if (!back.has(name) && Object.hasOwn(renames, name))
        throw new Malformed([{ field: name, rule: 'json.unknown', description: 'is called otherwise here' }]);
      return [back.get(name) ?? name, value];
    });
    return Object.fromEntries(entries);
  },
};

/** The contract's JSON as a version has it; undefined where both are the same. */
export const outgoing = (version: Version, message: DescMessage) => compile(version, message, toVersion, new Map());

/** A version's JSON as the contract has it; undefined where both are the same. */
export const incoming = (version: Version, message: DescMessage) => compile(version, message, fromVersion, new Map());

/** By their names in the contract's JSON; undefined where there are none. */
function renamesOf(version: Version, { fields, typeName }: DescMessage): Readonly<Record<string, string>> | undefined {
  const renames = fields.flatMap(({ name, jsonName }) => {
    const renamed = version.renames.get(`${typeName}.${name}`);
    return renamed === undefined ? [] : [[jsonName, renamed] as const];
  });
  return renames.length > 0 ? Object.fromEntries(renames) : undefined;
}

function compile(
  version: Version,
  message: DescMessage,
  direction: Direction,
  seen: Map<string, Transform | undefined>,
): Transform | undefined {
  if (seen.has(message.typeName)) return seen.get(message.typeName);
  seen.set(message.typeName, undefined);
  const renames = renamesOf(version, message);
  const inner = message.fields.flatMap((field): [string, Transform][] => {
    if (!field.message) return [];
    const transform = compile(version, field.message, direction, seen);
    return transform ? [[field.jsonName, transform]] : [];
  });
  if (!renames && inner.length === 0) return undefined;
  const transform: Transform = (json) => {
    const changed = { ...json };
    for (const [name, change] of inner) {
      const value = changed[name];
      if (Array.isArray(value)) changed[name] = value.map((one) => change(one as JsonObject));
      else if (value !== undefined && value !== null) changed[name] = change(value as JsonObject);
    }
    return renames ? direction.rename(renames, changed) : changed;
  };
  seen.set(message.typeName, transform);
  return transform;
}
