import type { User } from '@weft/kit/rpc';
import { viewsOf } from '../clients/contracts.ts';
import type { EdgeMethod } from '../edge/methods.ts';
import type { Visit } from '../http/handler.ts';
import type { Body } from './body.ts';
import { wrong } from './request.ts';
import type { Route } from './routes.ts';

/** A view of a route that joins more than one service. */
export interface View {
  /** `weft.orders.v1.OrdersService/GetOrder?view=full`. */
  readonly name: string;
  /** The fields that it adds: name, type of the message, and whether it is a list of them. */
  readonly parts: readonly ViewPart[];
  read(visit: Visit, route: Route, encoded: Uint8Array, user: User | undefined): Promise<Body>;
}

export interface ViewPart {
  readonly name: string;
  readonly type: string;
  readonly list: boolean;
}

const PLAIN = 'basic';
const nameOf = ({ contract }: EdgeMethod, view: string): string => `${contract.name}?view=${view}`;

const spoken = (name: string, parts: readonly ViewPart[]): string[] => [
  name,
  ...parts.map((part) => `${name}: ${part.name} of ${part.type}${part.list ? ', a list' : ''}`),
];

/** Throws unless there is a view for each that the contracts name, with the parts that they name, and no other. */
export function assertViews(methods: Iterable<EdgeMethod>, views: readonly View[]): void {
  const promised = [...methods].flatMap((method) =>
    viewsOf(method.descriptor).flatMap((view) => spoken(nameOf(method, view.name), view.parts)),
  );
  const made = views.flatMap(({ name, parts }) => spoken(name, parts));
  const odd = [...promised.filter((name) => !made.includes(name)), ...made.filter((name) => !promised.includes(name))];
  if (odd.length > 0) throw new Error(`the contracts and the edge differ in the views ${odd.join(', ')}`);
}

/** The view that a query asks for, and the rest of the query. Throws InvalidArgument for one that there is not. */
export function takeView(
  { method }: Route,
  query: string,
  views: readonly View[],
): { readonly view: View | undefined; readonly query: string } {
  if (!query.includes('view') || viewsOf(method.descriptor).length === 0) return { view: undefined, query };
  const parameters = new URLSearchParams(query);
  const [wanted = PLAIN, second] = parameters.getAll('view');
  if (second !== undefined) throw wrong('view', 'query.once', 'is there twice');
  parameters.delete('view');
  const view = views.find(({ name }) => name === nameOf(method, wanted));
  if (!view && wanted !== PLAIN) throw wrong('view', 'query.view', 'there is no such view');
  return { view, query: parameters.toString() };
}
