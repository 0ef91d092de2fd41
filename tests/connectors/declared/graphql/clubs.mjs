// A subgraph of clubs by the reference implementation (graphql-js), behind the server of npm `graphql-http`.
import { createServer } from 'node:http';
import { GraphQLError, buildSchema } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';

const sdl = `
type Query { clubs(text: String, first: Int!, after: String): ClubConnection! }
type ClubConnection { edges: [ClubEdge!]! pageInfo: PageInfo! }
type ClubEdge { node: Club! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Club { id: ID! name: String! place: Place }
type Place { city: String }
type Person { nik: ID! memberships: [Membership!] }
type Membership { club: Club! number: Int }
scalar _Any
union _Entity = Club | Person
type _Service { sdl: String! }
extend type Query { _entities(representations: [_Any!]!): [_Entity]! _service: _Service! }`;

const club = (id) => ({ __typename: 'Club', id, name: `Klub ${id}`, place: { city: 'Jakarta' } });
const broken = { ...club('5'), place: () => { throw new GraphQLError('gagal', { extensions: { code: 'INTERNAL' } }); } };
const known = { 1: club('1'), 2: club('2'), 3: club('3'), 5: broken };
const refused = new GraphQLError('gagal', { extensions: { code: 'FORBIDDEN' } });
const rootValue = {
  _service: { sdl },
  _entities: ({ representations }) => representations.map((each) =>
    each.__typename === 'Club'
      ? known[each.id] ?? (each.id === '6' ? refused : null)
      : { __typename: 'Person', nik: each.nik, memberships: [{ club: club('1'), number: 12 }] }),
  clubs: ({ first, after }) => {
    const start = Number(after ?? 0);
    const nodes = ['1', '2', '3'].slice(start, start + first);
    const pageInfo = { hasNextPage: start + first < 3, endCursor: String(start + first) };
    return { edges: nodes.map((id) => ({ node: club(id) })), pageInfo };
  },
};
const server = createServer(createHandler({ schema: buildSchema(sdl), rootValue }));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
