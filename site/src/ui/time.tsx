import { useEffect, useState } from "react";

const steps: [limit: number, size: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, 1, "second"],
  [3600, 60, "minute"],
  [86_400, 3600, "hour"],
  [86_400 * 30, 86_400, "day"],
  [86_400 * 365, 86_400 * 30, "month"],
  [Number.POSITIVE_INFINITY, 86_400 * 365, "year"],
];

const format = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** "3 min. ago"; a future time of a skewed clock reads "now". */
export function relative(iso: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (seconds < 5) return "now";
  for (const [limit, size, unit] of steps) {
    if (seconds < limit) return format.format(-Math.floor(seconds / size), unit);
  }
  return "";
}

/** Length of time in the shortest useful words: "0.4 s", "12 s", "3 min 5 s". */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** A relative time that keeps itself right and shows the absolute one on hover. */
export function Ago({ time, className }: { time: string; className?: string }) {
  const now = useNow(15_000);
  return (
    <time dateTime={time} title={new Date(time).toLocaleString()} className={className}>
      {relative(time, now)}
    </time>
  );
}

/** "in 3 days"; a past time reads "now". */
export function upcoming(iso: string, now: number): string {
  const seconds = Math.max(0, Math.round((Date.parse(iso) - now) / 1000));
  if (seconds < 5) return "now";
  for (const [limit, size, unit] of steps) {
    if (seconds < limit) return format.format(Math.round(seconds / size), unit);
  }
  return "";
}

export function Until({ time, className }: { time: string; className?: string }) {
  const now = useNow(15_000);
  return (
    <time dateTime={time} title={new Date(time).toLocaleString()} className={className}>
      {upcoming(time, now)}
    </time>
  );
}
