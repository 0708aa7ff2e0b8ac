// GitHub's GraphQL API for the tests: server.mjs FOLDER, with the packages of package.json installed in FOLDER. It executes
// queries with GitHub's published schema, so that a query that GitHub would refuse is refused here. It has one project,
// acme/projects/7, which POST /control reads and changes and whose answers it can spoil. It prints its address, and ends
// with its standard input.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const [folder] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const { buildSchema, execute, parse, validate } = require('graphql');
// It is known to be valid; checking that takes as long as all tests.
const schema = buildSchema(readFileSync(`${folder}/node_modules/@octokit/graphql-schema/schema.graphql`, 'utf8'), {
  assumeValid: true,
  assumeValidSDL: true,
});

const TOKEN = 'a token of the tests';
const OPTIONS = [
  { id: 'f75ad846', name: 'Todo' },
  { id: '47fc9ee4', name: 'In Progress' },
  { id: '98236657', name: 'Done' },
];
const ITERATIONS = [
  { id: 'it-42', title: 'Sprint 42', startDate: '2026-11-16', duration: 14 },
  { id: 'it-43', title: 'Sprint 43', startDate: '2026-11-30', duration: 14 },
];
const USERS = ['elif', 'gita', 'jonas', 'someone-else'].map((login) => ({
  __typename: 'User',
  id: `U_${login}`,
  login,
}));
const field = (typename, id, name, dataType, more) => ({
  __typename: typename,
  id,
  name,
  dataType,
  ...more,
});
const FIELDS = [
  field('ProjectV2Field', 'F_title', 'Title', 'TITLE'),
  field('ProjectV2Field', 'F_assignees', 'Assignees', 'ASSIGNEES'),
  field('ProjectV2SingleSelectField', 'F_status', 'Status', 'SINGLE_SELECT', { options: OPTIONS }),
  field('ProjectV2SingleSelectField', 'F_size', 'Size', 'SINGLE_SELECT', {
    options: [{ id: 's', name: 'Small' }],
  }),
  field('ProjectV2IterationField', 'F_sprint', 'Sprint', 'ITERATION', {
    configuration: { iterations: ITERATIONS, completedIterations: [], duration: 14, startDay: 3 },
  }),
  field('ProjectV2Field', 'F_estimate', 'Estimate', 'NUMBER'),
  field('ProjectV2Field', 'F_due', 'Due', 'DATE'),
  field('ProjectV2Field', 'F_notes', 'Notes', 'TEXT'),
];

// What it holds. Its clock advances by a second with every change, and is set by the tests.
let now = Date.parse('2026-11-24T09:00:00Z');
let last = 0;
const items = new Map();
const labels = new Map();
function labelNamed(name) {
  if (!labels.has(name)) labels.set(name, { __typename: 'Label', id: `L_${name}`, name });
  return labels.get(name);
}
['bug', 'postgres'].forEach(labelNamed);
const counts = { requests: 0, mutations: 0, cost: 0, iterationWrites: 0, byOperation: {} };
let misbehaviour = { share: 0, kinds: [] };
// Operations that the token may not do, people whom GitHub leaves out, and fields that are deleted.
let refused = [];
let withoutAccess = [];
let deletedFields = [];
// What somebody changes just before the next request of an operation is done.
let meanwhile = null;
let seed = 1;

const tick = () => new Date((now += 1000)).toISOString();
const random = () => {
  // a linear congruential generator, so that a run can be repeated
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
};

function add({ kind = 'DRAFT_ISSUE', title = '', body = '', assignees = [], withLabels = [], values = {}, number }) {
  last += 1;
  const at = tick();
  const content = {
    __typename: { DRAFT_ISSUE: 'DraftIssue', ISSUE: 'Issue', PULL_REQUEST: 'PullRequest' }[kind],
    id: `C_${last}`,
    title,
    body,
    assignees: new Set(assignees),
    labels: new Set(withLabels),
    number: number ?? last,
    updatedAt: at,
  };
  const item = { id: `PVTI_${last}`, type: kind, content, isArchived: false, updatedAt: at, values: new Map() };
  for (const [id, value] of Object.entries(values)) item.values.set(id, { value, at });
  items.set(item.id, item);
  return item;
}

function change(item, { title, assignees, withLabels, values = {}, isArchived, type }) {
  const at = tick();
  if (title !== undefined) item.content.title = title;
  if (assignees) item.content.assignees = new Set(assignees);
  if (withLabels) item.content.labels = new Set(withLabels);
  if (title !== undefined || assignees || withLabels) item.content.updatedAt = at;
  for (const [id, value] of Object.entries(values)) {
    if (value === null) item.values.delete(id);
    else item.values.set(id, { value, at });
    item.updatedAt = at;
  }
  if (isArchived !== undefined) {
    item.isArchived = isArchived;
    item.updatedAt = at;
  }
  if (type) {
    item.type = type;
    item.updatedAt = at;
  }
}

// --- answers ---

const connection = (nodes, { first = 100, after } = {}) => {
  const from = after ? Number(after) : 0;
  const page = nodes.slice(from, from + first);
  const end = from + page.length;
  return { nodes: page, totalCount: nodes.length, pageInfo: { hasNextPage: end < nodes.length, endCursor: `${end}` } };
};

const userOf = (login) => USERS.find((user) => user.login === login);

const contentOf = (item) =>
  item.type === 'REDACTED'
    ? null
    : {
        ...item.content,
        url: `https://github.example/acme/alerts/${item.type === 'ISSUE' ? 'issues' : 'pull'}/${item.content.number}`,
        repository: REPOSITORY,
        assignees: (page) => connection([...item.content.assignees].map(userOf), page),
        labels: (page) => connection([...item.content.labels].map(labelNamed), page),
      };

function valueOf(id, { value, at }) {
  const of = { field: FIELDS.find((field) => field.id === id), updatedAt: at };
  switch (id) {
    case 'F_status':
      return { __typename: 'ProjectV2ItemFieldSingleSelectValue', optionId: value, ...of };
    case 'F_sprint':
      return {
        __typename: 'ProjectV2ItemFieldIterationValue',
        iterationId: value,
        ...ITERATIONS.find((iteration) => iteration.id === value),
        ...of,
      };
    case 'F_estimate':
      return { __typename: 'ProjectV2ItemFieldNumberValue', number: value, ...of };
    case 'F_due':
      return { __typename: 'ProjectV2ItemFieldDateValue', date: value, ...of };
    default:
      return { __typename: 'ProjectV2ItemFieldTextValue', text: value, ...of };
  }
}

const shown = (item) => ({
  __typename: 'ProjectV2Item',
  id: item.id,
  type: item.type,
  isArchived: item.isArchived,
  updatedAt: item.updatedAt,
  content: contentOf(item),
  fieldValues: (page) => {
    const values = [...item.values].filter(([id]) => !deletedFields.includes(id));
    return connection(values.map(([id, value]) => valueOf(id, value)), page);
  },
  project: PROJECT,
});

const REPOSITORY = {
  __typename: 'Repository',
  id: 'R_1',
  nameWithOwner: 'acme/alerts',
  label: ({ name }) => [...labels.values()].find((label) => label.name.toLowerCase() === name.toLowerCase()) ?? null,
};

const PROJECT = {
  __typename: 'ProjectV2',
  id: 'PVT_1',
  number: 7,
  title: 'Move 100 tables off Heroku',
  url: 'https://github.example/orgs/acme/projects/7',
  closed: false,
  viewerCanUpdate: true,
  fields: (page) => connection(FIELDS.filter(({ id }) => !deletedFields.includes(id)), page),
  // As GitHub does, without those that are archived.
  items: (page) => connection([...items.values()].filter((item) => !item.isArchived).map(shown), page),
};

const notFound = (what) => Object.assign(new Error(`Could not resolve to ${what}.`), { extensions: { type: 'NOT_FOUND' } });

function itemOf(id) {
  const item = items.get(id);
  if (!item) throw notFound(`a node with the global id of '${id}'`);
  return item;
}

const mustNotBeArchived = (id) => {
  if (itemOf(id).isArchived) throw new Error('The item is archived and cannot be updated');
};

const byContent = (id) => {
  const item = [...items.values()].find(({ content }) => content.id === id);
  if (!item) throw notFound(`a node with the global id of '${id}'`);
  return item;
};

const loginsOf = (ids) =>
  ids?.map((id) => USERS.find((user) => user.id === id).login).filter((login) => !withoutAccess.includes(login));
const labelsOf = (ids) => ids?.map((id) => [...labels.values()].find((label) => label.id === id).name);

const owner = (typename) => ({ __typename: typename, login: 'acme', projectV2: ({ number }) => (number === 7 ? PROJECT : null) });

const root = {
  rateLimit: () => ({ cost: 1, limit: 5000, remaining: 5000 - counts.cost, used: counts.cost, nodeCount: 1, resetAt: new Date(now + 3600e3).toISOString() }),
  organization: ({ login }) => {
    if (login !== 'acme') throw notFound(`an Organization with the login of '${login}'`);
    return owner('Organization');
  },
  user: ({ login }) => {
    const user = userOf(login);
    if (!user) throw notFound(`a User with the login of '${login}'`);
    return user;
  },
  repositoryOwner: ({ login }) => (login === 'acme' ? owner('Organization') : null),
  nodes: ({ ids }) => ids.map((id) => (items.has(id) ? shown(items.get(id)) : notFound(`a node with the global id of '${id}'`))),
  node: ({ id }) => (id === PROJECT.id ? PROJECT : items.has(id) ? shown(items.get(id)) : null),
  addProjectV2DraftIssue: ({ input }) => {
    const item = add({ title: input.title, body: input.body ?? '', assignees: loginsOf(input.assigneeIds) ?? [] });
    return { projectItem: shown(item) };
  },
  updateProjectV2ItemFieldValue: ({ input }) => {
    const [value] = Object.values(input.value);
    if (input.fieldId === 'F_sprint') counts.iterationWrites += 1;
    if (input.fieldId === 'F_status' && !OPTIONS.some(({ id }) => id === value)) {
      throw new Error('The single select option Id does not belong to the field');
    }
    mustNotBeArchived(input.itemId);
    change(itemOf(input.itemId), { values: { [input.fieldId]: value } });
    return { projectV2Item: shown(itemOf(input.itemId)) };
  },
  clearProjectV2ItemFieldValue: ({ input }) => {
    mustNotBeArchived(input.itemId);
    change(itemOf(input.itemId), { values: { [input.fieldId]: null } });
    return { projectV2Item: shown(itemOf(input.itemId)) };
  },
  updateProjectV2DraftIssue: ({ input }) => {
    const item = byContent(input.draftIssueId);
    change(item, { title: input.title ?? undefined, assignees: loginsOf(input.assigneeIds) });
    return { draftIssue: contentOf(item) };
  },
  updateIssue: ({ input }) => {
    const item = byContent(input.id);
    change(item, { title: input.title });
    return { issue: contentOf(item) };
  },
  updatePullRequest: ({ input }) => {
    const item = byContent(input.pullRequestId);
    change(item, { title: input.title });
    return { pullRequest: contentOf(item) };
  },
  addAssigneesToAssignable: ({ input }) => {
    const item = byContent(input.assignableId);
    change(item, { assignees: [...item.content.assignees, ...loginsOf(input.assigneeIds)] });
    return { assignable: contentOf(item) };
  },
  removeAssigneesFromAssignable: ({ input }) => {
    const item = byContent(input.assignableId);
    const leaving = loginsOf(input.assigneeIds);
    change(item, { assignees: [...item.content.assignees].filter((login) => !leaving.includes(login)) });
    return { assignable: contentOf(item) };
  },
  addLabelsToLabelable: ({ input }) => {
    const item = byContent(input.labelableId);
    change(item, { withLabels: [...item.content.labels, ...labelsOf(input.labelIds)] });
    return { labelable: contentOf(item) };
  },
  removeLabelsFromLabelable: ({ input }) => {
    const item = byContent(input.labelableId);
    const leaving = labelsOf(input.labelIds);
    change(item, { withLabels: [...item.content.labels].filter((name) => !leaving.includes(name)) });
    return { labelable: contentOf(item) };
  },
  createLabel: ({ input }) => {
    return { label: labelNamed(input.name) };
  },
  archiveProjectV2Item: ({ input }) => {
    change(itemOf(input.itemId), { isArchived: true });
    return { item: shown(itemOf(input.itemId)) };
  },
  unarchiveProjectV2Item: ({ input }) => {
    change(itemOf(input.itemId), { isArchived: false });
    return { item: shown(itemOf(input.itemId)) };
  },
};

// --- the server ---

async function answer({ query, variables, operationName }) {
  const document = parse(query);
  const errors = validate(schema, document);
  if (errors.length) return { errors };
  const [operation] = document.definitions;
  const name = operation.name?.value ?? operationName ?? '';
  counts.byOperation[name] = (counts.byOperation[name] ?? 0) + 1;
  if (operation.operation === 'mutation') counts.mutations += 1;
  counts.cost += 1;
  if (meanwhile?.operation === name) {
    change(itemOf(meanwhile.id), meanwhile.change);
    meanwhile = null;
  }
  if (refused.includes(name)) {
    const message = 'Resource not accessible by personal access token';
    return { data: null, errors: [{ type: 'FORBIDDEN', message }] };
  }
  const done = await execute({ schema, document, rootValue: root, variableValues: variables });
  // GitHub writes the type of an error beside its message.
  return { ...done, errors: done.errors?.map((error) => ({ ...error.toJSON(), type: error.originalError?.extensions?.type })) };
}

const send = (response, status, body, headers = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

const SPOILED = {
  500: (request, response) => send(response, 502, { message: 'Server Error' }),
  drop: (request) => request.socket.destroy(),
  errors: (request, response) =>
    send(response, 200, { data: null, errors: [{ message: 'Something went wrong while executing your query.' }] }),
  secondary: (request, response) =>
    send(response, 403, { message: 'You have exceeded a secondary rate limit.' }, { 'retry-after': '60' }),
  exhausted: (request, response) =>
    send(response, 200, { errors: [{ type: 'RATE_LIMITED', message: 'API rate limit exceeded' }] }, {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': `${Math.floor(now / 1000) + 600}`,
    }),
  conflict: (request, response) =>
    send(response, 200, { data: null, errors: [{ type: 'UNPROCESSABLE', message: 'A temporary conflict occurred. Please try again.' }] }),
};

const operations = {
  add: (given) => ({ id: add(given).id }),
  change: ({ id, ...given }) => (change(itemOf(id), given), {}),
  meanwhile: ({ operation, id, change: given }) => ((meanwhile = { operation, id, change: given }), {}),
  delete: ({ id }) => ({ deleted: items.delete(id) }),
  clock: ({ at }) => ((now = Date.parse(at)), {}),
  // Only with requests of this operation, if one is named.
  misbehave: ({ share, kinds, only, seed: from = 1 }) => ((misbehaviour = { share, kinds, only }), (seed = from), {}),
  refuse: ({ operations: names = [], people = [], fields = [] }) =>
    ((refused = names), (withoutAccess = people), (deletedFields = fields), {}),
  state: () => ({
    counts,
    items: [...items.values()].map((item) => ({
      id: item.id,
      type: item.type,
      title: item.content.title,
      body: item.content.body,
      assignees: [...item.content.assignees].sort(),
      labels: [...item.content.labels].sort(),
      isArchived: item.isArchived,
      values: Object.fromEntries([...item.values].map(([id, { value }]) => [id, value])),
    })),
  }),
};

const server = createServer(async (request, response) => {
  let text = '';
  for await (const part of request) text += part;
  const body = JSON.parse(text);
  if (request.url === '/control') return send(response, 200, operations[body.do](body));
  counts.requests += 1;
  if (request.headers.authorization !== `Bearer ${TOKEN}`) {
    return send(response, 401, { message: 'Bad credentials' });
  }
  const isMeant = !misbehaviour.only || body.query.includes(` ${misbehaviour.only}(`);
  if (isMeant && random() < misbehaviour.share) {
    const kind = misbehaviour.kinds[Math.floor(random() * misbehaviour.kinds.length)];
    if (kind !== 'lost') return SPOILED[kind](request, response);
    // It is done, but the answer does not arrive.
    await answer(body);
    return request.socket.destroy();
  }
  return send(response, 200, await answer(body));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
