{{/* What an external Prometheus evaluates, as JSON: name of the file -> text. Without the ledger nothing is recorded. */}}
{{- define "jupyterhub-quota.externalRules" -}}
{{- $ledger := .Files.Get "files/rules/ledger.yaml" | fromYaml -}}
{{- range $ledger.groups -}}{{- $_ := set . "interval" $.Values.prometheus.ruleInterval -}}{{- end -}}
{{- $files := dict "jupyterhub-quota-ledger.yaml" (toYaml $ledger) -}}
{{- if .Values.alerts.enabled -}}
{{- $_ := set $files "jupyterhub-quota-alerts.yaml" (include "jupyterhub-quota.alerts" (list "files/rules/alerts.yaml" .)) -}}
{{- end -}}
{{- toJson $files -}}
{{- end }}

{{/*
How an external Prometheus reads kube-state-metrics: the same two jobs that ours has. Under names of their own, since it may read
that kube-state-metrics for itself as well, with other labels.
*/}}
{{- define "jupyterhub-quota.externalScrape" -}}
{{- $jobs := list -}}
{{- range (include "jupyterhub-quota.prometheusFile" . | fromYaml).scrape_configs -}}
{{- if hasPrefix "kube-state-metrics" .job_name -}}
{{- $_ := set . "job_name" (.job_name | replace "kube-state-metrics" "jupyterhub-quota-pods") -}}
{{- $_ := set . "scrape_interval" $.Values.prometheus.scrapeInterval -}}
{{- if lt (include "jupyterhub-quota.seconds" $.Values.prometheus.scrapeInterval | float64) 10.0 -}}
{{- $_ := set . "scrape_timeout" $.Values.prometheus.scrapeInterval -}}
{{- end -}}
{{- $jobs = append $jobs . -}}
{{- end -}}
{{- end -}}
{{- dict "scrape_configs" $jobs | toYaml -}}
{{- end }}
