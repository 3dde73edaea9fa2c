import { type DescFile, type DescMethod, getOption } from '@bufbuild/protobuf';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { versionHeaders } from './headers.ts';
import { type Refusals, refusalsOf } from './problem.ts';
import { type Part, Schemas } from './schemas.ts';
import type { Version } from './versions.ts';

/** What the operations of one document are written with. */
export interface Writing {
  readonly version: Version;
  readonly schemas: Schemas;
  readonly refusals: Refusals;
  readonly viewsOf: (method: DescMethod) => readonly View[];
}

/** An answer that the edge joins from several services. */
export interface View {
  readonly name: string;
  readonly description: string;
  readonly parts: readonly Part[];
}

/** Throws where a part of a view is no message. */
export function writingOf(version: Version, methods: readonly DescMethod[], files: readonly DescFile[]): Writing {
  const messages = new Map(files.flatMap((file) => file.messages).map((message) => [message.typeName, message]));
  const viewsOf = (method: DescMethod): View[] =>
    getOption(method, methodPolicy).views.map(({ name, description, parts }) => ({
      name,
      description,
      parts: parts.map((part) => {
        const type = messages.get(part.type);
        if (!type) throw new Error(`${method.name} has a view of ${part.type}, which is no message`);
        return { name: part.name, type, list: part.list };
      }),
    }));
  const parts = methods.flatMap(viewsOf).flatMap((view) => view.parts.map(({ type }) => type));
  const outputs = methods.map(({ output }) => output);
  const inputs = methods.map(({ input }) => input);
  return {
    version,
    schemas: new Schemas({ requests: inputs, answers: [...outputs, ...parts], nameOf: version.nameOf }),
    refusals: refusalsOf(version.mount, versionHeaders(version)),
    viewsOf,
  };
}
