// PowerShell as its grammar sees it.
import { createRequire } from 'node:module';
import { Language, Parser } from 'web-tree-sitter';

const require = createRequire(import.meta.url);
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(require.resolve('tree-sitter-powershell/tree-sitter-powershell.wasm')));

/** The tree of a script. */
export function parse(text) {
  return parser.parse(text).rootNode;
}

/** Where a script is no PowerShell, as `line: text`. */
export function mistakes(text) {
  const found = [];
  const visit = (node) => {
    if (!node.hasError) return;
    if (node.isError || node.isMissing) found.push(`${node.startPosition.row + 1}: ${node.text.slice(0, 60)}`);
    node.children.forEach(visit);
  };
  visit(parse(text));
  return found;
}

/** The functions of a script: name, text and names of parameters. */
export function functions(text) {
  return parse(text).descendantsOfType('function_statement').map((node) => ({
    name: node.descendantsOfType('function_name')[0].text,
    text: node.text,
    parameters: node
      .descendantsOfType('script_parameter')
      .map((parameter) => parameter.namedChildren.find((child) => child.type === 'variable').text.slice(1)),
  }));
}
