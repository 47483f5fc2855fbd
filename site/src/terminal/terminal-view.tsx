import { FitAddon } from "@xterm/addon-fit";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { useEffect, useRef } from "react";
import { Pty, type PtyState, reconnectId } from "./pty";

interface TerminalViewProps {
  agentId: string;
  /** What runs in the terminal instead of a shell, and the name under which a reload finds it again. */
  command: string | undefined;
  session: string | undefined;
  onState: (state: PtyState) => void;
  onRetry: (retryNow: () => void) => void;
}

const theme = {
  background: "#131410",
  foreground: "#e7e6df",
  cursor: "#8fd3b1",
  cursorAccent: "#131410",
  selectionBackground: "#3c5c4c",
  black: "#23251f", red: "#e5786d", green: "#8fc98a", yellow: "#e0bf6b", blue: "#83aee0", magenta: "#c79ad6", cyan: "#7cc7c3", white: "#d6d5cc",
  brightBlack: "#7a7c72", brightRed: "#f2958b", brightGreen: "#a9dca4", brightYellow: "#efd58f", brightBlue: "#a3c6ef", brightMagenta: "#d9b6e5", brightCyan: "#9bdcd8", brightWhite: "#f6f5ee",
};

declare global {
  interface Window {
    /** The open terminal, for the browser tests, which read its text. */
    warrenTerminal?: Terminal;
  }
}

/** The terminal itself: fits its box, types to the PTY, and survives a lost connection. */
export function TerminalView({ agentId, command, session, onState, onRetry }: TerminalViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const callbacks = useRef({ onState, onRetry });
  callbacks.current = { onState, onRetry };

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const terminal = new Terminal({
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--font-mono") || "monospace",
      fontSize: 14,
      lineHeight: 1.15,
      cursorBlink: true,
      scrollback: 10_000,
      theme,
      screenReaderMode: false,
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.loadAddon(new WebLinksAddon());
    terminal.open(element);
    fit.fit();
    terminal.focus();
    window.warrenTerminal = terminal;

    let ended = false;
    const pty = new Pty({
      agentId,
      reconnectId: reconnectId(agentId, session),
      command,
      size: () => ({ cols: terminal.cols, rows: terminal.rows }),
      onOpen: (again) => {
        // The agent sends its buffer again: start from an empty screen, or lines would stand there twice.
        if (again) terminal.reset();
      },
      onOutput: (bytes) => terminal.write(bytes),
      onState: (state) => {
        ended = state.kind === "ended";
        if (ended) terminal.write("\r\n\x1b[2mThe session has ended. Press Enter to start a new one.\x1b[0m\r\n");
        callbacks.current.onState(state);
      },
    });
    callbacks.current.onRetry(pty.retryNow);
    const input = terminal.onData((data) => {
      if (!ended) pty.write(data);
      else if (data === "\r") pty.retryNow();
    });
    const resized = terminal.onResize(({ cols, rows }) => pty.resize(cols, rows));
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(element);

    return () => {
      observer.disconnect();
      input.dispose();
      resized.dispose();
      pty.close();
      terminal.dispose();
      delete window.warrenTerminal;
    };
  }, [agentId, command, session]);

  return <div ref={box} data-testid="terminal" className="min-h-0 flex-1 overflow-hidden bg-[#131410] px-3 py-2" />;
}
