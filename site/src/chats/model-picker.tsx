import { useQuery } from "@tanstack/react-query";
import { availableQuery, unavailableWords } from "@/api/models";
import type { ChatModelConfig } from "@/api/types";
import { Select } from "@/ui/select";

export function pickableModels(models: ChatModelConfig[] | undefined): ChatModelConfig[] {
  return (models ?? []).filter((model) => model.enabled);
}

export function modelName(model: ChatModelConfig): string {
  return model.display_name || model.model;
}

interface ModelPickerProps {
  models: ChatModelConfig[] | undefined;
  value: string | undefined;
  onChange: (id: string) => void;
}

/** Chooses among the enabled models; without a choice the default one is used. Says why one cannot be used. */
export function ModelPicker({ models, value, onChange }: ModelPickerProps) {
  const { data: available } = useQuery(availableQuery);
  const usable = pickableModels(models);
  const chosen = usable.some((model) => model.id === value) ? value : (usable.find((model) => model.is_default)?.id ?? usable[0]?.id);
  if (usable.length === 0) return null;
  return (
    <Select
      size="sm"
      label="Model"
      value={chosen}
      onChange={onChange}
      className="max-w-52 border-transparent bg-transparent shadow-none"
      data-testid="model-picker"
      options={usable.map((model) => {
        const why = unavailableWords(available, model.id);
        return { value: model.id, label: modelName(model), disabled: why !== null, hint: why ?? [model.display_name && model.display_name !== model.model ? model.model : "", model.is_default ? "default" : ""].filter(Boolean).join(" · ") };
      })}
    />
  );
}
