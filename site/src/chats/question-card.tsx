import { MessageCircleQuestion } from "lucide-react";
import { type FormEvent, createContext, useContext, useState } from "react";
import { Button } from "@/ui/button";
import { Textarea } from "@/ui/field";
import { text } from "./tool-title";
import { type ToolUse, asObject } from "./transcript";

interface Question {
  header: string;
  question: string;
  options: { label: string; description: string }[];
}

/** How an answer is sent: as the next message. */
export const AnswerContext = createContext<(text: string) => Promise<unknown>>(async () => {});

/** Questions of the model with their options; the answer is the next message. */
export function QuestionCard({ tool }: { tool: ToolUse }) {
  const questions = readQuestions(tool.args["questions"]);
  return (
    <section className="rounded-xl border border-input bg-card p-4 shadow-xs" data-testid="question" data-tool={tool.name} data-state={tool.state} data-answerable={tool.answerable ?? false}>
      <h3 className="mb-3 flex items-center gap-2 text-[0.8125rem] font-medium text-muted-foreground">
        <MessageCircleQuestion aria-hidden className="size-4" />
        {tool.answerable ? "The chat needs to know" : "The chat asked"}
      </h3>
      {tool.answerable ? <Answer questions={questions} /> : <Asked questions={questions} />}
    </section>
  );
}

export function readQuestions(value: unknown): Question[] {
  return (Array.isArray(value) ? value : []).map((one) => {
    const { header, question, options } = asObject(one);
    const choices = (Array.isArray(options) ? options : []).map(asObject).map((option) => ({ label: text(option["label"]), description: text(option["description"]) }));
    return { header: text(header), question: text(question), options: choices.filter((option) => option.label) };
  });
}

function Asked({ questions }: { questions: Question[] }) {
  return (
    <ul className="space-y-2 text-sm">
      {questions.map((question, i) => (
        <li key={i}>
          <p>{question.question}</p>
          <p className="text-[0.8125rem] text-muted-foreground">{question.options.map((option) => option.label).join(" · ")}</p>
        </li>
      ))}
    </ul>
  );
}

/** The message that answers: the choice of each question, under its heading when there are several. Pure. */
export function answerText(questions: Question[], choices: (string | undefined)[], own: string): string {
  const chosen = questions.flatMap((question, i) => (choices[i] ? [questions.length > 1 ? `${question.header || question.question}: ${choices[i]}` : choices[i]] : []));
  return [...chosen, own.trim()].filter(Boolean).join("\n");
}

function Answer({ questions }: { questions: Question[] }) {
  const answer = useContext(AnswerContext);
  const [choices, setChoices] = useState<(string | undefined)[]>([]);
  const [own, setOwn] = useState("");
  const [busy, setBusy] = useState(false);
  const message = answerText(questions, choices, own);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    // A refusal is shown beside the message box; the choices stay.
    await answer(message).catch(() => {});
    setBusy(false);
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      {questions.map((question, i) => (
        <fieldset key={i} className="space-y-2">
          <legend className="mb-1 text-sm font-medium">{question.question}</legend>
          {question.options.map((option) => (
            <label key={option.label} className="flex cursor-pointer items-start gap-2.5 rounded-lg border border-border px-3 py-2 text-sm hover:bg-muted has-checked:border-ring has-checked:bg-accent has-checked:text-accent-foreground">
              <input
                type="radio"
                name={`question-${i}`}
                className="mt-1 accent-primary"
                checked={choices[i] === option.label}
                onChange={() => setChoices((held) => questions.map((_, at) => (at === i ? option.label : held[at])))}
                data-testid="question-option"
              />
              <span>
                <span className="block font-medium">{option.label}</span>
                {option.description ? <span className="block text-[0.8125rem] opacity-80">{option.description}</span> : null}
              </span>
            </label>
          ))}
        </fieldset>
      ))}
      <Textarea aria-label="In your own words" placeholder="Or in your own words…" className="min-h-12" value={own} onChange={(e) => setOwn(e.target.value)} data-testid="question-own" />
      <div className="flex justify-end">
        <Button type="submit" variant="primary" size="sm" busy={busy} disabled={message === ""} data-testid="question-submit">
          Answer
        </Button>
      </div>
    </form>
  );
}
