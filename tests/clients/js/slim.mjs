// Whether two scripts are one program, but for spaces and comments: `node slim.mjs SOURCE SERVED...` in pairs. Tells those that are not.
import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";

const smallest = (file) => transformSync(readFileSync(file, "utf8"), { minify: true, legalComments: "none" }).code;
const files = process.argv.slice(2);
const differing = files.filter((file, at) => at % 2 === 0 && smallest(file) !== smallest(files[at + 1]));
if (files.length === 0 || differing.length > 0) {
    console.error("not the same program:", ...differing);
    process.exit(1);
}
