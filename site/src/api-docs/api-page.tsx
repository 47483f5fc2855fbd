import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./api-page.css";
import { api } from "@/api/client";
import { useDark } from "@/app/theme";
import { LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { type Document as OpenApi, tagged } from "./tagged";

/** The server's own OpenAPI document, to read and to try out with the session of this browser. */
export function ApiPage() {
  useTitle("API");
  const document = useQuery({
    queryKey: ["openapi"],
    queryFn: () => api<OpenApi>("GET", "/api/v2/openapi.json"),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Page>
      <PageHeader title="API" description={<>Every route of this server. Programs send a token in the header <code className="font-mono text-[0.8125rem]">Coder-Session-Token</code>.</>} />
      {document.isPending ? (
        <Loading what="the API’s document" />
      ) : document.data ? (
        <Document spec={document.data} />
      ) : (
        <LoadFailed error={document.error} retry={() => void document.refetch()} />
      )}
    </Page>
  );
}

function Document({ spec }: { spec: OpenApi }) {
  const place = useRef<HTMLDivElement>(null);
  const dark = useDark();
  useEffect(() => {
    // The library looks for this class at the document's root.
    window.document.documentElement.classList.toggle("dark-mode", dark);
    return () => window.document.documentElement.classList.remove("dark-mode");
  }, [dark]);
  useEffect(() => {
    if (!place.current) return;
    // Its own root element: the library keeps a React tree of its own in it.
    const root = window.document.createElement("div");
    place.current.replaceChildren(root);
    SwaggerUI({ domNode: root, spec: tagged(spec), docExpansion: "none", filter: true, validatorUrl: null, defaultModelsExpandDepth: 0, tryItOutEnabled: false, supportedSubmitMethods: ["get"] });
  }, [spec]);
  return <div ref={place} className="api-document" data-testid="api-document" />;
}
