import { memo } from "react";
import { Streamdown } from "streamdown";

/** Markdown of a model (`plain`: it is not part of the answer itself): half-written syntax is closed while it streams, and nothing is loaded from elsewhere. */
export const Markdown = memo(function Markdown({ text, live, plain }: { text: string; live: boolean; plain?: boolean }) {
  return (
    <div data-testid={plain ? undefined : "answer-text"} className="min-w-0 text-[0.9375rem] leading-[1.65] break-words">
      <Streamdown
        mode={live ? "streaming" : "static"}
        parseIncompleteMarkdown={live}
        controls={{ table: false, code: true, mermaid: false }}
        components={{
          // An image of a foreign host would tell that host what this chat holds.
          img: ({ src, alt }) => (
            <a href={typeof src === "string" ? src : undefined} target="_blank" rel="noreferrer noopener" className="text-info-text underline">
              {alt || "image"}
            </a>
          ),
          a: ({ href, children }) => (
            <a href={href} target="_blank" rel="noreferrer noopener" className="text-info-text underline underline-offset-2">
              {children}
            </a>
          ),
        }}
      >
        {text}
      </Streamdown>
    </div>
  );
});
