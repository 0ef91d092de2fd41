// Starts GraphiQL on this page: examples in tabs, each with the sample person whose token it uses.
'use strict';

(async () => {
  const ANONYMOUS = { name: 'Anonymous', title: 'nobody in particular', description: 'Public fields only.', token: null };
  const CHOSEN = 'simpul:people';
  const MAX_AGE_MS = 5 * 60 * 1000;
  const RESTORE = 'simpul:restore-examples';

  const json = async (path) => {
    const response = await fetch(path, { headers: { Accept: 'application/json' } });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  };

  /** The sample person whose token goes with each operation: that of the open tab. */
  let person = ANONYMOUS;
  let people = [ANONYMOUS];
  let loadedAt = 0;
  let openTab = '';
  /** Names of people by the title of a tab: of the examples, and those that the developer chose. */
  const first = {};
  const chosen = JSON.parse(sessionStorage.getItem(CHOSEN) ?? '{}');

  /** Tokens expire, and changes need a recent sign-in, so the people are loaded again after some minutes. */
  const loadPeople = async () => {
    people = [ANONYMOUS, ...await json('/graphiql/people.json')];
    loadedAt = Date.now();
  };

  const showPerson = () => {
    const name = chosen[openTab] ?? (openTab in first ? first[openTab] ?? ANONYMOUS.name : people[1]?.name);
    person = people.find((each) => each.name === name) ?? ANONYMOUS;
    document.getElementById('person-choice').value = person.name;
    document.getElementById('person-note').textContent = person.description;
  };

  const offerPeople = () => {
    const choice = document.getElementById('person-choice');
    choice.replaceChildren(
      ...people.map((each) => new Option(each === ANONYMOUS ? each.name : `${each.name} (${each.title})`, each.name)),
    );
    choice.addEventListener('change', () => {
      chosen[openTab] = choice.value;
      sessionStorage.setItem(CHOSEN, JSON.stringify(chosen));
      showPerson();
    });
    showPerson();
    document.getElementById('person').hidden = false;
  };

  const operationNameOf = (query) => query.match(/^\s*(?:query|mutation)\s+(\w+)/m)?.[1] ?? '';

  const titleOf = ({ tabs, activeTabIndex }) => tabs[activeTabIndex]?.title ?? '';

  /** An Authorization header of the headers editor goes before the chosen person. */
  const headersOf = (written) => {
    const headers = new Headers({
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json, application/json;q=0.9',
    });
    if (person.token !== null) headers.set('Authorization', `Bearer ${person.token}`);
    for (const [name, value] of Object.entries(written ?? {})) headers.set(name, value);
    return headers;
  };

  const NO_TOKEN = 'This hub shows the graph to those who are signed in. Write {"Authorization": "Bearer <token>"} '
    + 'under Headers, below; then fetch the schema again, by the arrows on the left.';

  const fetcher = async (operation, options) => {
    if (loadedAt && Date.now() - loadedAt > MAX_AGE_MS) {
      await loadPeople();
      showPerson();
    }
    const headers = headersOf(options?.headers);
    if (document.body.dataset.token === 'needed' && !headers.has('Authorization')) {
      return { errors: [{ message: NO_TOKEN }] };
    }
    const response = await fetch('/graphql', {
      method: 'POST',
      headers,
      body: JSON.stringify(
        person.is_registered_client && operation.operationName !== 'IntrospectionQuery'
          ? { documentId: operation.operationName, variables: operation.variables }
          : operation,
      ),
    });
    if (!response.headers.get('Content-Type')?.includes('json')) {
      throw new Error(`The hub answered ${response.status}: ${await response.text()}`);
    }
    return response.json();
  };

  /** GraphiQL keeps its tabs in the browser and writes them late: they are forgotten before it starts again. */
  if (sessionStorage.getItem(RESTORE) !== null) {
    sessionStorage.removeItem(RESTORE);
    localStorage.removeItem('graphiql:tabState');
    for (const title of Object.keys(chosen)) delete chosen[title];
    sessionStorage.removeItem(CHOSEN);
    for (const editor of ['query', 'variables', 'headers', 'operationName']) localStorage.removeItem(`graphiql:${editor}`);
  }
  document.getElementById('restore').addEventListener('click', () => {
    sessionStorage.setItem(RESTORE, 'yes');
    location.reload();
  });

  const main = document.getElementById('graphiql');
  try {
    const [examples] = await Promise.all([
      json('/graphiql/examples.json'),
      document.body.dataset.people === 'yes' ? loadPeople() : null,
    ]);
    for (const each of examples) first[operationNameOf(each.query)] = each.person;
    const tabs = JSON.parse(localStorage.getItem('graphiql:tabState'));
    openTab = tabs === null ? operationNameOf(examples[0]?.query ?? '') : titleOf(tabs);
    if (loadedAt) offerPeople();
    ReactDOM.createRoot(main).render(
      React.createElement(GraphiQL, {
        fetcher,
        onTabChange: (state) => {
          openTab = titleOf(state);
          if (loadedAt) showPerson();
        },
        defaultTabs: examples.length ? examples.map(({ query, variables }) => ({ query, variables })) : undefined,
        defaultQuery: '# Write an operation and press Ctrl-Enter. The book on the left explains every type.\n\n{\n  __typename\n}\n',
        defaultEditorToolsVisibility: 'variables',
        isHeadersEditorEnabled: true,
        inputValueDeprecation: true,
        schemaDescription: true,
      }),
    );
  } catch (error) {
    main.replaceChildren(Object.assign(document.createElement('p'), {
      className: 'waiting',
      textContent: `GraphiQL could not start: ${error.message}. Reload the page; if it stays so, restart the hub.`,
    }));
  }
})();
