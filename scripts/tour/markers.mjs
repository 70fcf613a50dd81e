/** Puts a text between `<!-- name: ... -->` and `<!-- end of name -->` of a page. */
export function replaceBetween(page, name, text) {
  const between = new RegExp(`(<!-- ${name}:[^>]*-->\\n)[^]*?(<!-- end of ${name} -->)`);
  if (!between.test(page)) throw new Error(`the page has no "<!-- ${name}: -->" and "<!-- end of ${name} -->"`);
  return page.replace(between, (_, begin, end) => `${begin}\n${text.trim()}\n\n${end}`);
}
