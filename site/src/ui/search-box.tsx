import { Search } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { cn } from "./cn";
import { Input } from "./field";

interface SearchBoxProps {
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
  className?: string;
}

const PAUSE_MS = 300;

/** A search that follows the typing after a short pause, and Enter at once. */
export function SearchBox({ label, placeholder, value, onChange, className }: SearchBoxProps) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  const tell = useCallback(
    (next: string) => {
      told.current = next;
      onChange(next);
    },
    [onChange],
  );
  // Takes over a value from elsewhere, but not the echo of an older one of its own while the typing goes on.
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text === told.current) return;
    const timer = setTimeout(() => tell(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, tell]);
  return (
    <form role="search" className={cn("relative min-w-0 flex-1", className)} onSubmit={(event) => (event.preventDefault(), tell(text))}>
      <Search aria-hidden className="pointer-events-none absolute top-2.5 left-3 size-4 text-muted-foreground" />
      <Input type="search" aria-label={label} placeholder={placeholder} className="pl-9" autoCapitalize="none" spellCheck={false} value={text} onChange={(e) => setText(e.target.value)} data-testid="search" />
    </form>
  );
}
