/**
 * Text comes from publishers that nobody vouches for: it becomes a text node and nothing else.
 *
 * @typedef {object} Content
 * @property {string} [className]
 * @property {string} [text]
 * @property {Readonly<Record<string, string>>} [attributes]
 */

/** @param {string} id */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Content} [content]
 * @param {readonly Node[]} [children]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, { className, text, attributes = {} } = {}, children = []) {
  const node = document.createElement(tag);
  if (className !== undefined) node.className = className;
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/**
 * Leaves the node alone where nothing changes: selections stay, screen readers say nothing twice.
 *
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * @param {Element} node
 * @param {string} className
 */
export function setClass(node, className) {
  if (node.className !== className) node.className = className;
}

/**
 * Attributes `title` and the like.
 *
 * @param {Element} node
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * One child per item, in order; children are made once per key and filled each time.
 *
 * @template T
 * @template {Element} C
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {{ key: (item: T) => string, make: (item: T) => C, fill: (child: C, item: T) => void }} how
 */
export function fillList(parent, items, how) {
  const keys = items.map(how.key);
  const children = /** @type {C[]} */ ([...parent.children]);
  const isSame =
    children.length === keys.length && children.every((child, at) => child.getAttribute('data-key') === keys[at]);
  const shown = isSame ? children : items.map(how.make);
  for (const [at, item] of items.entries()) {
    const child = shown[at];
    if (child === undefined) continue;
    child.setAttribute('data-key', keys[at] ?? '');
    how.fill(child, item);
  }
  if (!isSame) parent.replaceChildren(...shown);
}
