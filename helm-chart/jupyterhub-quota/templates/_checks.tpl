{{/*
Everything that is wrong with the values and that the schema cannot say, or not in words; one sentence in each line. Rendering fails with
all of them at once.
*/}}
{{- define "jupyterhub-quota.problems" -}}
{{- $values := .Values -}}
{{- range (.Files.Get "files/checks.json" | fromJson).values }}
{{- $value := $values -}}
{{- range splitList "." .path }}{{ $value = get $value . }}{{ end -}}
{{- if not (regexMatch .pattern (toString $value)) }}
{{ .path }}: '{{ $value }}' cannot be used; write for example '{{ .example }}'
{{- end }}
{{- end }}
{{- include "jupyterhub-quota.policyProblems" . }}
{{- end }}

{{/* The same of values that contradict each other. Only for values that are well-formed one by one. */}}
{{- define "jupyterhub-quota.contradictions" -}}
{{- $prometheus := .Values.prometheus -}}
{{- $metrics := .Values.kubeStateMetrics -}}
{{- if eq $prometheus.mode "managed" }}
{{- $window := include "jupyterhub-quota.longestWindow" . | float64 -}}
{{- $retention := include "jupyterhub-quota.seconds" $prometheus.retention | float64 -}}
{{- $needed := addf $window 172800 -}}
{{- if lt $retention $needed }}
prometheus.retention: {{ $prometheus.retention }} is shorter than the longest window of the policy ({{ include "jupyterhub-quota.days" $window }}) and two days; write at least '{{ divf $needed 3600 | ceil | int }}h', or a shorter window
{{- end }}
{{- if gt $retention 315360000.0 }}
prometheus.retention: {{ $prometheus.retention }} is more than ten years; write for example '400d'
{{- end }}
{{- if $prometheus.external.url }}
prometheus.external.url: is given, and prometheus.mode is 'managed'; write 'mode: external', or leave the url out
{{- end }}
{{- if and $prometheus.persistence.enabled (not $prometheus.persistence.existingClaim) }}
{{- $bytes := include "jupyterhub-quota.bytes" $prometheus.persistence.size | int64 }}
{{- if lt $bytes 1073741824 }}
prometheus.persistence.size: {{ $prometheus.persistence.size }} is too small for a Prometheus; write at least '1Gi', for example '10Gi'
{{- else if gt $bytes 17592186044416 }}
prometheus.persistence.size: {{ $prometheus.persistence.size }} is more than 16Ti, which no hub needs; write for example '10Gi'
{{- end }}
{{- with $prometheus.retentionSize }}
{{- $units := dict "MB" 1048576 "GB" 1073741824 "TB" 1099511627776 }}
{{- $kept := mul (regexFind `^[0-9]+` . | int64) (get $units (regexFind `[A-Z]+$` .)) }}
{{- if gt (mul $kept 100) (mul $bytes 85) }}
prometheus.retentionSize: {{ . }} is more than 85 % of the volume ({{ $prometheus.persistence.size }}), which would fill up first; write less, or enlarge prometheus.persistence.size
{{- end }}
{{- end }}
{{- end }}
{{- if and (not $prometheus.persistence.enabled) $prometheus.persistence.existingClaim }}
prometheus.persistence.existingClaim: is given, and prometheus.persistence.enabled is false; write 'enabled: true', or leave the claim out
{{- end }}
{{- if and $prometheus.auth.existingSecret $prometheus.auth.rotation }}
prometheus.auth.rotation: changes the credential that the chart makes, and prometheus.auth.existingSecret names one of yours; leave one of the two out
{{- end }}
{{- range $index, $each := $prometheus.remoteWrite }}
{{- if dig "basic_auth" "password" "" $each }}
prometheus.remoteWrite[{{ $index }}].basic_auth.password: a password does not belong in values; put it into a Secret, name that in prometheus.secrets, and write 'password_file: /etc/prometheus/secrets/NAME/KEY'
{{- end }}
{{- if or (contains "@" $each.url) (not (regexMatch `^https?://` $each.url)) }}
prometheus.remoteWrite[{{ $index }}].url: is no address, or holds a password; write for example 'https://metrics.example.org/api/v1/write'
{{- end }}
{{- end }}
{{- range $index, $each := $prometheus.extraScrapeConfigs }}
{{- if has $each.job_name (list "kube-state-metrics" "kube-state-metrics-telemetry" "prometheus" "jupyterhub" "jupyterhub-quota-service") }}
prometheus.extraScrapeConfigs[{{ $index }}].job_name: '{{ $each.job_name }}' is a job of the chart; write another name
{{- end }}
{{- end }}
{{- else }}
{{- if not $prometheus.external.url }}
prometheus.external.url: is missing; write where Prometheus is, for example 'https://prometheus.monitoring.svc:9090', or leave prometheus.mode at 'managed'
{{- end }}
{{- range $key := list "alertmanagers" "remoteWrite" "extraScrapeConfigs" "externalLabels" }}
{{- if get $prometheus $key }}
prometheus.{{ $key }}: is for the Prometheus of this chart, and prometheus.mode is 'external'; set it there, and leave it out here
{{- end }}
{{- end }}
{{- if $prometheus.auth.rotation }}
prometheus.auth.rotation: changes the credential that the chart makes, and prometheus.mode is 'external'; leave it out
{{- end }}
{{- if and (eq $metrics.mode "managed") .Values.networkPolicy.enabled (not .Values.networkPolicy.kubeStateMetricsFrom) }}
networkPolicy.kubeStateMetricsFrom: is missing, so that the external Prometheus could not read our kube-state-metrics; write where it is, for example '[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]', or 'kubeStateMetrics: {mode: existing}' if it reads one of its own
{{- end }}
{{- end }}
{{- if gt (include "jupyterhub-quota.seconds" $prometheus.scrapeInterval | float64) 120.0 }}
prometheus.scrapeInterval: {{ $prometheus.scrapeInterval }} is too long, since what is older than five minutes counts as gone; write at most '2m'
{{- end }}
{{- if lt (include "jupyterhub-quota.seconds" $prometheus.scrapeInterval | float64) 5.0 }}
prometheus.scrapeInterval: {{ $prometheus.scrapeInterval }} would load the cluster for nothing; write at least '5s'
{{- end }}
{{- if gt (include "jupyterhub-quota.seconds" $prometheus.ruleInterval | float64) 300.0 }}
prometheus.ruleInterval: {{ $prometheus.ruleInterval }} is too long, since what is older than five minutes counts as gone; write at most '5m'
{{- end }}
{{- if eq $metrics.mode "existing" }}
{{- if and (eq $prometheus.mode "managed") (not $metrics.existing.target) }}
kubeStateMetrics.existing.target: is missing; write host and port of its Service, for example 'kube-state-metrics.monitoring.svc:8080'
{{- end }}
{{- if and (eq $prometheus.mode "managed") (not $metrics.existing.telemetryTarget) }}
kubeStateMetrics.existing.telemetryTarget: is missing; write where it tells of itself, for example 'kube-state-metrics.monitoring.svc:8081'
{{- end }}
{{- else if or $metrics.existing.target $metrics.existing.telemetryTarget }}
kubeStateMetrics.existing: is given, and kubeStateMetrics.mode is 'managed'; write 'mode: existing', or leave it out
{{- end }}
{{- end }}

{{/* Fail with everything that is wrong. Every template begins with it, since nobody knows which is rendered first. */}}
{{- define "jupyterhub-quota.check" -}}
{{- $problems := include "jupyterhub-quota.problems" . | trim -}}
{{- if not $problems }}{{ $problems = include "jupyterhub-quota.contradictions" . | trim }}{{ end -}}
{{- if $problems -}}
{{- fail (printf "\n\nThese values cannot be used:\n\n%s\n" (regexReplaceAll `\n+` $problems "\n")) -}}
{{- end -}}
{{- end }}
