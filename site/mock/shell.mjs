// A terminal that knows `echo`, `ls`, `exit-connection`, and little more. One buffer per reconnect id, as the agent keeps it.
const sessions = new Map();
const PROMPT = "\u001b[1;32mada@dev\u001b[0m:\u001b[1;34m~/work\u001b[0m$ ";

export function attachShell(ws, _agent, query) {
  const id = query.get("reconnect");
  const session = sessions.get(id) ?? { buffer: PROMPT, line: "" };
  sessions.set(id, session);
  const put = (text) => {
    session.buffer += text;
    ws.send(Buffer.from(text));
  };
  ws.send(Buffer.from(session.buffer));
  ws.on("message", (raw) => {
    const message = JSON.parse(raw.toString());
    for (const char of message.data ?? "") {
      if (char === "\r") {
        put("\r\n");
        run(session.line, put, ws);
        session.line = "";
        put(PROMPT);
      } else if (char === "\u007f") {
        if (session.line) put("\b \b");
        session.line = session.line.slice(0, -1);
      } else {
        session.line += char;
        put(char);
      }
    }
  });
}

function run(line, put, ws) {
  const [command, ...rest] = line.trim().split(/\s+/);
  if (command === "echo") put(`${rest.join(" ").replace(/\$\(\((\d+)\*(\d+)\)\)/, (_, a, b) => a * b)}\r\n`);
  else if (command === "ls") put("\u001b[1;34mcrates\u001b[0m  Cargo.toml  README.md  \u001b[1;34msite\u001b[0m\r\n");
  else if (command === "exit-connection") ws.close(1011);
  else if (command) put(`${command}: command not found\r\n`);
}
