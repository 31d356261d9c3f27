// A view is a function from data to a tree of nodes (`h`), and `render` makes the document agree with the tree.
//
// Nodes that stay are kept, so focus, an open disclosure, the scroll position and a half-typed search survive an update
// every few seconds. Invariant: a node is reused only for the same tag and the same key, in the same parent.
// Nothing is ever parsed as HTML: text from the registry can only become text.

export type Child = VNode | string | number | null | undefined | false | Child[];
type Handler = (event: Event) => void;
type Attribute = string | number | boolean | null | undefined;

export interface Props {
  key?: string | number;
  class?: string;
  /** Custom properties and styles, set through the CSSOM: the page's policy refuses style attributes. */
  style?: Record<string, string>;
  on?: Record<string, Handler>;
  /** Runs once, when the element has come into the document. */
  mounted?: (element: Element) => void;
  [attribute: string]: Attribute | Record<string, string> | Record<string, Handler> | ((element: Element) => void);
}

export interface VNode {
  tag: string; // "" for text
  text: string;
  props: Props;
  children: VNode[];
  node: Node | null;
}

const SVG = "http://www.w3.org/2000/svg";
const RESERVED = new Set(["key", "style", "on", "mounted"]);
/** Live state of form fields: the attribute would only set their default. */
const PROPERTIES = new Set(["value", "checked", "selected"]);

export function h(tag: string, props: Props | null, ...children: Child[]): VNode {
  const flat: VNode[] = [];
  flatten(children, flat);
  return { tag, text: "", props: props ?? {}, children: flat, node: null };
}

function flatten(children: Child[], into: VNode[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false || child === "") continue;
    if (Array.isArray(child)) flatten(child, into);
    else if (typeof child === "object") into.push(child);
    else into.push({ tag: "", text: String(child), props: {}, children: [], node: null });
  }
}

const rendered = new WeakMap<Element, VNode[]>();

export function render(parent: Element, ...children: Child[]): void {
  const next: VNode[] = [];
  flatten(children, next);
  patchChildren(parent, rendered.get(parent) ?? [], next, parent.namespaceURI === SVG);
  rendered.set(parent, next);
}

function create(vnode: VNode, svg: boolean): Node {
  if (vnode.tag === "") return (vnode.node = document.createTextNode(vnode.text));
  const inSvg = svg || vnode.tag === "svg";
  const element = inSvg ? document.createElementNS(SVG, vnode.tag) : document.createElement(vnode.tag);
  vnode.node = element;
  // Children first: a select takes its value only once its options are there.
  patchChildren(element, [], vnode.children, inSvg);
  patchProps(element, {}, vnode.props);
  const { mounted } = vnode.props;
  if (mounted) queueMicrotask(() => mounted(element));
  return element;
}

function patchChildren(parent: Node, old: VNode[], next: VNode[], svg: boolean): void {
  const keyed = new Map<string, VNode>();
  const plain: VNode[] = [];
  for (const vnode of old) {
    if (vnode.props.key === undefined) plain.push(vnode);
    else keyed.set(`${vnode.tag} ${vnode.props.key}`, vnode);
  }
  let at: Node | null = parent.firstChild;
  const kept = new Set<VNode>();
  for (const vnode of next) {
    const match = takeMatch(vnode, keyed, plain);
    if (match) {
      kept.add(match);
      patch(match, vnode, svg);
    } else create(vnode, svg);
    // A node already in place is not moved: moving would take its focus away.
    while (at && at !== vnode.node && !isKeptLater(at, keyed, plain)) {
      const gone: Node = at;
      at = at.nextSibling;
      parent.removeChild(gone);
    }
    if (at === vnode.node) at = at?.nextSibling ?? null;
    else parent.insertBefore(vnode.node as Node, at);
  }
  for (const vnode of old) {
    if (!kept.has(vnode) && vnode.node?.parentNode === parent) parent.removeChild(vnode.node);
  }
}

/** Still waiting to be matched: it may be wanted by a later sibling. */
function isKeptLater(node: Node, keyed: Map<string, VNode>, plain: VNode[]): boolean {
  for (const vnode of plain) if (vnode.node === node) return true;
  for (const vnode of keyed.values()) if (vnode.node === node) return true;
  return false;
}

function takeMatch(vnode: VNode, keyed: Map<string, VNode>, plain: VNode[]): VNode | undefined {
  if (vnode.props.key !== undefined) {
    const id = `${vnode.tag} ${vnode.props.key}`;
    const match = keyed.get(id);
    keyed.delete(id);
    return match;
  }
  const index = plain.findIndex((candidate) => candidate.tag === vnode.tag);
  return index < 0 ? undefined : plain.splice(index, 1)[0];
}

function patch(old: VNode, next: VNode, svg: boolean): void {
  const node = old.node as Node;
  next.node = node;
  if (next.tag === "") {
    if (old.text !== next.text) node.nodeValue = next.text;
    return;
  }
  patchChildren(node, old.children, next.children, svg || next.tag === "svg");
  patchProps(node as Element, old.props, next.props);
}

function patchProps(element: Element, old: Props, next: Props): void {
  for (const name of Object.keys(old)) {
    if (!RESERVED.has(name) && !(name in next)) setAttribute(element, name, null);
  }
  for (const [name, value] of Object.entries(next)) {
    if (!RESERVED.has(name)) setAttribute(element, name, value as Attribute, old[name] as Attribute);
  }
  patchStyle((element as HTMLElement).style, old.style ?? {}, next.style ?? {});
  patchHandlers(element, old.on ?? {}, next.on ?? {});
}

function setAttribute(element: Element, name: string, value: Attribute, before?: Attribute): void {
  if (PROPERTIES.has(name)) {
    const field = element as unknown as Record<string, Attribute>;
    if (field[name] !== value) field[name] = value;
    return;
  }
  if (value === before) return;
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

function patchStyle(style: CSSStyleDeclaration, old: Record<string, string>, next: Record<string, string>): void {
  for (const name of Object.keys(old)) if (!(name in next)) style.removeProperty(name);
  for (const [name, value] of Object.entries(next)) if (old[name] !== value) style.setProperty(name, value);
}

const handlers = new WeakMap<Element, Record<string, Handler>>();

/** One listener per element and event, whose target is looked up late: views may pass a new closure each time. */
function patchHandlers(element: Element, old: Record<string, Handler>, next: Record<string, Handler>): void {
  handlers.set(element, next);
  for (const name of Object.keys(next)) {
    if (!(name in old)) element.addEventListener(name, dispatch);
  }
  for (const name of Object.keys(old)) if (!(name in next)) element.removeEventListener(name, dispatch);
}

function dispatch(event: Event): void {
  const element = event.currentTarget as Element;
  handlers.get(element)?.[event.type]?.(event);
}
