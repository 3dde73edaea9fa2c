{{/* Where the keys of access tokens are. */}}
{{- define "service.keys" -}}
{{- $service := include "service.host" (dict "root" . "service" .Values.identity.keys) -}}
{{- .Values.identity.jwksUrl | default (printf "http://%s:%v/.well-known/jwks.json" $service .Values.ports.ops) -}}
{{- end }}

{{/* What the ConfigMap holds: what the chart knows, then what files/services says of the service, then values. Everything is a text. */}}
{{- define "service.settings" -}}
{{- $values := .Values -}}
{{- $own := include "service.own" . | fromJson -}}
{{- $settings := dict
  "GRPC_HOST" "0.0.0.0"
  "GRPC_PORT" $values.ports.grpc
  "OPS_HOST" "0.0.0.0"
  "OPS_PORT" $values.ports.ops
  "IDENTITY_JWKS_URL" (include "service.keys" .)
  "IDENTITY_ISSUER" $values.identity.issuer
  "IDENTITY_AUDIENCE" $values.identity.audience
  "LOG_LEVEL" $values.logging.level
  "LOG_FORMAT" "json"
  "CLIENT_RETRIES" (not $values.mesh.enabled)
  "DRAIN_DELAY_MS" (mul 1000 $values.stop.drainSeconds)
  "STOP_TIMEOUT_MS" (mul 1000 $values.stop.timeoutSeconds)
-}}
{{- $caller := dict "CALLER_IDENTITY" "loopback" }}
{{- if $values.mesh.enabled }}
{{- $caller = dict "CALLER_IDENTITY" "mesh" "MESH_TRUST_DOMAIN" $values.mesh.trustDomain "MESH_NAMESPACE" .Release.Namespace }}
{{- end }}
{{- $settings = merge $caller $settings }}
{{- with $own.http }}
{{- $settings = merge (dict "HTTP_HOST" "0.0.0.0" "HTTP_PORT" .) $settings }}
{{- end }}
{{- with $values.tracing.endpoint }}
{{- $settings = merge (dict "OTEL_EXPORTER_OTLP_ENDPOINT" . "TRACE_PERCENT" $values.tracing.percent) $settings }}
{{- end }}
{{- range (include "service.contract" . | fromYaml).calls }}
{{- $target := printf "%s:%v" (include "service.host" (dict "root" $ "service" .)) $values.ports.grpc }}
{{- $_ := set $settings (printf "%s_TARGET" (upper .)) $target }}
{{- end }}
{{- range $name, $value := mergeOverwrite $settings $own.settings $values.settings }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}
