// Loaded before Prism: ends the process when whoever started it lets go of its standard input, so that no Prism
// outlives its test, however the test ended.
process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
