declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  interface Options {
    domNode: HTMLElement;
    spec: object;
    docExpansion: "none" | "list" | "full";
    filter: boolean;
    validatorUrl: null;
    defaultModelsExpandDepth: number;
    tryItOutEnabled: boolean;
    supportedSubmitMethods: string[];
  }
  export default function SwaggerUI(options: Options): unknown;
}
