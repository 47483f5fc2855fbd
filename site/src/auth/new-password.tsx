import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { passwordVerdictQuery } from "@/api/sign-in";
import { Field, Input } from "@/ui/field";

interface NewPasswordProps {
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
  label?: string;
  "data-testid"?: string;
}

const PAUSE_MS = 350;

/** A password to be chosen, with the server's opinion of it beside the field while it is typed. */
export function NewPassword({ value, onChange, error, label = "Password", ...rest }: NewPasswordProps) {
  const settled = usePause(value, PAUSE_MS);
  const { data: verdict } = useQuery(passwordVerdictQuery(settled));
  const current = settled === value && value !== "" ? verdict : undefined;
  const complaint = current && !current.valid ? current.details || "This password is too easy to guess." : undefined;
  return (
    <Field
      label={label}
      error={error ?? complaint}
      hint={current?.valid ? <span className="text-success-text">Strong enough.</span> : "A long sentence is better than a short riddle."}
    >
      {(props) => <Input {...props} type="password" autoComplete="new-password" required value={value} onChange={(e) => onChange(e.target.value)} {...rest} />}
    </Field>
  );
}

/** `value` as it was when it last stood still for `ms`. */
function usePause(value: string, ms: number): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
