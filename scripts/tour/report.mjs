/** Of each test, by the beginning of its title: the word that stands before what was said. */
const words = [
  ['/statusz', 'statusz'],
  ['/readyz', 'readyz'],
  ['doctor', 'doctor'],
  ['the live page', 'page'],
  ['the alert', 'alert'],
];
const width = 9;

/** A reporter of vitest that prints one block per fault and keeps what was seen. */
export class TourReport {
  /** One for each fault: name, what was broken, what each test saw. */
  blocks = [];
  /** Whatever kept the tour from being given at all. */
  problems = [];
  #print;

  /** @param {(text: string) => void} print */
  constructor(print) {
    this.#print = print;
  }

  onTestSuiteResult(suite) {
    const tests = [...suite.children.array()].filter(({ type }) => type === 'test');
    if (tests.every((test) => test.result().state === 'skipped') && suite.errors().length === 0) return;
    const block = {
      name: suite.name,
      broken: tests.map((test) => test.meta().broken).find((text) => text !== undefined) ?? '',
      answers: tests.map((test) => answerOf(test)),
      errors: suite.errors().map(({ message }) => message),
    };
    this.blocks.push(block);
    this.#print(textOf(block));
  }

  onTestModuleEnd(module) {
    this.problems.push(...module.errors().map(({ message }) => message));
  }
}

function answerOf(test) {
  const { state, errors = [] } = test.result();
  return {
    from: words.find(([beginning]) => test.name.startsWith(beginning))?.[1] ?? test.name,
    state,
    says: test.meta().says ?? '',
    errors: errors.map(({ message }) => message),
  };
}

function textOf({ name, broken, answers, errors }) {
  const lines = [`━━ ${name} ${'━'.repeat(Math.max(60 - name.length, 3))}`, entry('broken', broken), ''];
  for (const { from, state, says, errors: failures } of answers) {
    lines.push(entry(`${state === 'passed' ? '✓' : '✗'} ${from}`, says));
    if (failures.length > 0) lines.push(entry('', `FAILED: ${failures.join('\n')}`));
  }
  return [...lines, ...errors.map((error) => entry('', `FAILED: ${error}`)), '', ''].join('\n');
}

function entry(head, text) {
  const [first = '', ...rest] = text.trimEnd().split('\n');
  const margin = ' '.repeat(width);
  return [`${head.padEnd(width)} ${first}`, ...rest.map((line) => (line === '' ? '' : `${margin} ${line}`))].join('\n');
}
