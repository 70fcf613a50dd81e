/**
 * What the tour saw as the text of docs/operations.md: a table of who says what, then what doctor printed for each fault.
 *
 * @param {import('./report.mjs').TourReport['blocks']} blocks
 */
export function documentOf(blocks) {
  return [summaryOf(blocks), ...blocks.map(sectionOf)].join('\n\n');
}

function summaryOf(blocks) {
  const rows = blocks.map((block) => {
    const doctor = codesIn(saidBy(block, 'doctor')).map((code) => `\`${code}\``);
    return [
      `[${block.name}](#${anchorOf(block.name)})`,
      saidBy(block, 'readyz').startsWith('200') ? 'ready' : 'not ready',
      doctor.join(', '),
      alertLink(saidBy(block, 'alert')),
    ];
  });
  return table(['what', '`/readyz`', '`doctor`: failures and warnings', 'alert'], rows);
}

function sectionOf(block) {
  const answers = [
    ['`/readyz`', code(saidBy(block, 'readyz'))],
    ['`/statusz`', code(saidBy(block, 'statusz'))],
    ['the page', cell(saidBy(block, 'page'))],
    ['alert', `${alertLink(saidBy(block, 'alert'))}: ${cell(saidBy(block, 'alert').replace(/^\w+: /, ''))}`],
  ];
  const [exitCode = '', ...output] = saidBy(block, 'doctor').split('\n');
  return [
    `### ${headingOf(block.name)}`,
    block.broken,
    table(['', 'says'], answers),
    `\`doctor\`, ${exitCode}:`,
    ['```text', output.join('\n').trimEnd(), '```'].join('\n'),
  ].join('\n\n');
}

/** Of findings that are not well. */
function codesIn(text) {
  const found = [...text.matchAll(/^ {2}(?:failure|warning) .* \[([a-z-]+)\]$/gm)].map((match) => match[1]);
  return [...new Set(found)];
}

function saidBy({ answers }, from) {
  return answers.find((answer) => answer.from === from)?.says ?? '';
}

function alertLink(says) {
  const name = /^\w+/.exec(says)?.[0] ?? '';
  return `[${name}](runbooks.md#${name.toLowerCase()})`;
}

function headingOf(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function anchorOf(name) {
  return name.toLowerCase().replaceAll(' ', '-');
}

function table(head, rows) {
  return [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---|').join('')}`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n');
}

function code(text) {
  return text.includes('`') ? cell(text) : `\`${cell(text)}\``;
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
