// The wire tables in node: `node rows.mjs LABS CASES`. Prints the report as JSON.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { compare } from "./rows.js";

const [labs, cases] = process.argv.slice(2);
// The script loads its files from the web; here they are beside it.
globalThis.fetch = async url => new Response(readFileSync(url));
const { Chapter } = await import(pathToFileURL(`${labs}/chapter.js`));
console.log(JSON.stringify(await compare(name => Chapter.load(name), JSON.parse(readFileSync(cases, "utf8")))));
