/**
 * Takes the pages' pictures (`deno task pictures`) as pictures.txt says: runs
 * the scripts in terminals, and writes what these show to SVG files.
 *
 * @module
 */

import { startBroker } from "../lib/broker/broker.ts";
import { Peer } from "../tests/support/peers.ts";
import { Terminal } from "../tests/support/tmux.ts";
import script from "./pictures.txt" with { type: "text" };
import { terminalSvg } from "./terminal_svg.ts";

const ROOM = "chat/room";
const COLUMNS = 80;

await using opened = new AsyncDisposableStack();
Deno.addSignalListener("SIGINT", async () => {
  await opened.disposeAsync();
  Deno.exit(130);
});
for (const picture of script.split(/^picture /m).slice(1)) {
  const [, file, names, title, steps] = picture
    .match(/^(\S+) of (.+?): (.+)\n([^]*)/)!;
  const drawn = names.split(", ");
  await using broker = await startBroker();
  await using peer = await Peer.connect(broker, `${ROOM}/$history`);
  const setup = `DENO_NO_UPDATE_CHECK=1; deno() { '${Deno.execPath()}' "$@" ` +
    `--port ${broker.port}; }`;
  const terminals = new Map<string, Terminal>();
  for (const [, name, verb, text] of steps.matchAll(/^(\w+) (\w+) (.+)$/gm)) {
    if (name === "room") await peer.publish(ROOM, text);
    else if (name === "history") {
      while (!(await peer.next()).text.includes(text)) { /* not yet */ }
    } else {
      // Wide, so that nothing awaited on the others is wrapped.
      const [columns, rows] = drawn.includes(name) ? [COLUMNS, 20] : [200, 50];
      const terminal = terminals.get(name) ??
        opened.use(await Terminal.open({ columns, rows, setup }));
      terminals.set(name, terminal);
      if (verb === "enters") await terminal.enter(text);
      else if (verb === "types") await terminal.type(text);
      else if (verb === "presses") await terminal.press(text);
      else await terminal.until(verb === "ends" ? /^\$ *$/m : text);
    }
  }
  const windows = drawn.map((name) => terminals.get(name)!);
  const shown = await Promise.all(windows.map((it) => it.capture()));
  const rule = `\n\x1b[2m${"-".repeat(COLUMNS)}\x1b[m\n`;
  const screen = shown.map((it) => it.trimEnd()).join(rule)
    .replaceAll(`:${broker.port}`, ":1883");
  // Of several terminals, none is the one that is typed in.
  const cursor = drawn.length > 1 ? undefined : await windows[0].cursor();
  const svg = terminalSvg(screen, title, COLUMNS, cursor);
  await Deno.writeTextFile(new URL(file, import.meta.url), svg);
  console.log(`docs/${file} is written.`);
}
