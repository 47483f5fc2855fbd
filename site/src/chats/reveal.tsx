/** Text that decides something, shown so that nothing in it hides or stands in another place than programs read it. */

/** Ranges of characters that nobody sees, or that turn the direction of writing. Line feeds and tabs are none. */
const hidden: [number, number][] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x2800, 0x2800],
  [0x3164, 0x3164],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe0fff],
];

function isHidden(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return hidden.some(([first, last]) => code >= first && code <= last);
}

export function codeName(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

interface Piece {
  text: string;
  hidden: boolean;
}

/** Splits a text into what is seen and single characters that are not. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  for (const char of text) {
    const last = found.at(-1);
    if (isHidden(char)) found.push({ text: char, hidden: true });
    else if (last && !last.hidden) last.text += char;
    else found.push({ text: char, hidden: false });
  }
  return found;
}

/** Shows each character that nobody would see by its number. */
export function Reveal({ text }: { text: string }) {
  return (
    <bdi dir="ltr">
      {pieces(text).map((piece, i) =>
        piece.hidden ? (
          <span key={i} className="mx-px rounded-sm bg-danger-soft px-0.5 font-mono text-[0.85em] text-danger-text" title="A character that is not seen" data-testid="hidden-character">
            {codeName(piece.text)}
          </span>
        ) : (
          piece.text
        ),
      )}
    </bdi>
  );
}
