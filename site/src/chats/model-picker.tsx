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

/** Chooses among the enabled models; without a choice the default one is used. */
export function ModelPicker({ models, value, onChange }: ModelPickerProps) {
  const usable = pickableModels(models);
  const chosen = value ?? usable.find((model) => model.is_default)?.id ?? usable[0]?.id;
  if (usable.length === 0) return null;
  return (
    <Select
      size="sm"
      label="Model"
      value={chosen}
      onChange={onChange}
      className="max-w-52 border-transparent bg-transparent shadow-none"
      data-testid="model-picker"
      options={usable.map((model) => ({ value: model.id, label: modelName(model), hint: model.is_default ? "default" : undefined }))}
    />
  );
}
