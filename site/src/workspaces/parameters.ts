/** Values of a template's parameters as the form holds them. Pure. */
import type { TemplateVersionParameter, WorkspaceBuildParameter } from "@/api/types";

export type ParameterValues = Record<string, string>;

/** The value the form starts from. */
export function initialValue(parameter: TemplateVersionParameter): string {
  return parameter.default_value;
}

/** The values to send: what the user set, else the default; a required one without a value is sent empty so that the server names it. */
export function toBuildParameters(parameters: TemplateVersionParameter[], values: ParameterValues): WorkspaceBuildParameter[] {
  return parameters.map((parameter) => ({ name: parameter.name, value: values[parameter.name] ?? initialValue(parameter) }));
}

/** What is wrong with a value, in a sentence; null when the server may judge the rest. */
export function problem(parameter: TemplateVersionParameter, value: string): string | null {
  if (parameter.required && value === "") return "This template needs a value here.";
  if (parameter.type === "number" && value !== "") {
    const number = Number(value);
    if (!Number.isFinite(number)) return "This must be a number.";
    const { validation_min: min, validation_max: max } = parameter;
    if ((min != null && number < min) || (max != null && number > max)) {
      return parameter.validation_error || `This must be ${range(min, max)}.`;
    }
  }
  if (parameter.validation_regex && value !== "" && !matches(parameter.validation_regex, value)) {
    return parameter.validation_error || `This must match ${parameter.validation_regex}.`;
  }
  return null;
}

function range(min: number | null | undefined, max: number | null | undefined): string {
  if (min == null) return `at most ${max}`;
  return max == null ? `at least ${min}` : `between ${min} and ${max}`;
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern).test(value);
  } catch {
    // The template's dialect of regular expressions is not the browser's; the server decides.
    return true;
  }
}
