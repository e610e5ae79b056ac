{{/* The configuration of Prometheus as it is shipped, with its words replaced. */}}
{{- define "jupyterhub-quota.prometheusFile" -}}
{{- $host := printf "%s-kube-state-metrics" (include "jupyterhub-quota.name" .) -}}
{{- if eq .Values.prometheus.mode "external" -}}{{- $host = printf "%s.%s.svc" $host .Release.Namespace -}}{{- end -}}
{{- $managed := eq .Values.kubeStateMetrics.mode "managed" -}}
{{- include "jupyterhub-quota.words" (list (.Files.Get "files/prometheus.yaml") (dict
    "__KUBE_STATE_METRICS__" ($managed | ternary (printf "%s:8080" $host) .Values.kubeStateMetrics.existing.target)
    "__KUBE_STATE_METRICS_TELEMETRY__" ($managed | ternary (printf "%s:8081" $host) .Values.kubeStateMetrics.existing.telemetryTarget)
    "__PROMETHEUS__" "localhost:9090"
    "__NAMESPACES__" (include "jupyterhub-quota.namespaces" . | fromJsonArray | join "|")
  )) -}}
{{- end }}

{{/* The configuration of our Prometheus: the file as shipped, and what values add to it. */}}
{{- define "jupyterhub-quota.prometheusConfig" -}}
{{- $config := include "jupyterhub-quota.prometheusFile" . | fromYaml -}}
{{- $_ := set $config.global "scrape_interval" .Values.prometheus.scrapeInterval -}}
{{- if lt (include "jupyterhub-quota.seconds" .Values.prometheus.scrapeInterval | float64) 10.0 -}}
{{- $_ := set $config.global "scrape_timeout" .Values.prometheus.scrapeInterval -}}
{{- end -}}
{{- $_ := set $config.global "evaluation_interval" .Values.prometheus.ruleInterval -}}
{{- with .Values.prometheus.externalLabels }}{{ $_ := set $config.global "external_labels" . }}{{ end -}}
{{- $_ := set $config.storage.tsdb.retention "time" .Values.prometheus.retention -}}
{{- with .Values.prometheus.retentionSize }}{{ $_ := set $config.storage.tsdb.retention "size" . }}{{ end -}}
{{- range $config.scrape_configs -}}
{{- if eq .job_name "prometheus" -}}
{{- $_ := set . "basic_auth" (dict "username_file" "/etc/prometheus/auth/username" "password_file" "/etc/prometheus/auth/password") -}}
{{- end -}}
{{- end -}}
{{- with .Values.prometheus.alertmanagers }}{{ $_ := set $config "alerting" (dict "alertmanagers" .) }}{{ end -}}
{{- $ledger := list (dict "action" "keep" "source_labels" (list "__name__") "regex" "jupyterhub_quota:.*") -}}
{{- $writes := list -}}
{{- range .Values.prometheus.remoteWrite -}}
{{- $writes = append $writes (merge (dict) . (dict "write_relabel_configs" $ledger)) -}}
{{- end -}}
{{- with $writes }}{{ $_ := set $config "remote_write" . }}{{ end -}}
{{- toYaml $config -}}
{{- end }}

{{/* Jobs that read the hub and the usage page. */}}
{{- define "jupyterhub-quota.scrapeJupyterHub" -}}
{{- $base := include "jupyterhub-quota.basePath" . -}}
{{- $text := include "jupyterhub-quota.words" (list (.Files.Get "files/scrape/jupyterhub.yaml") (dict
    "__HUB__" (printf "%s:%d" .Values.hub.name (int .Values.hub.port))
    "__HUB_METRICS_PATH__" (printf "%shub/metrics" $base)
    "__SERVICE__" (printf "%s-service:80" (include "jupyterhub-quota.name" .))
    "__SERVICE_METRICS_PATH__" (printf "%sservices/quota/metrics" $base)
  )) -}}
{{- $config := $text | fromYaml -}}
{{- if not .Values.service.enabled -}}
{{- $_ := set $config "scrape_configs" (list (first $config.scrape_configs)) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end }}

{{/* A file of alerts with its words replaced; without those about a Prometheus of ours where there is none. Takes: (list path $) */}}
{{- define "jupyterhub-quota.alerts" -}}
{{- $root := index . 1 -}}
{{- $prometheus := $root.Values.prometheus -}}
{{- $external := eq $prometheus.mode "external" -}}
{{- $text := include "jupyterhub-quota.words" (list ($root.Files.Get (index . 0)) (dict
    "__NAMESPACE__" $root.Release.Namespace
    "__NAME__" (include "jupyterhub-quota.name" $root)
    "__PODS_JOB__" ($external | ternary "jupyterhub-quota-pods" "kube-state-metrics")
    "__WINDOW_SECONDS__" (include "jupyterhub-quota.longestWindow" $root)
    "__SCRAPE_SECONDS__" (include "jupyterhub-quota.seconds" $prometheus.scrapeInterval)
    "__RULE_SECONDS__" (include "jupyterhub-quota.seconds" $prometheus.ruleInterval)
    "__DISK_BYTES__" (include "jupyterhub-quota.bytes" $prometheus.persistence.size)
    "__ALERTMANAGERS__" (len $prometheus.alertmanagers | toString)
    "__RUNBOOKS__" $root.Values.alerts.runbooks
  )) -}}
{{- if or $external $root.Values.alerts.labels -}}
{{- $rules := $text | fromYaml -}}
{{- if $external -}}
{{- $groups := list -}}
{{- range $rules.groups -}}{{- if not (hasSuffix "-prometheus" .name) -}}{{- $groups = append $groups . -}}{{- end -}}{{- end -}}
{{- $_ := set $rules "groups" $groups -}}
{{- end -}}
{{- range $rules.groups -}}{{- range .rules -}}
{{- if .alert -}}{{- $_ := set . "labels" (merge (dict) $root.Values.alerts.labels (.labels | default dict)) -}}{{- end -}}
{{- end -}}{{- end -}}
{{- toYaml $rules -}}
{{- else -}}
{{- $text -}}
{{- end -}}
{{- end }}

{{/* A text with its words between double underscores replaced; fails at one that is not known. Takes: (list text words) */}}
{{- define "jupyterhub-quota.words" -}}
{{- $words := index . 1 -}}
{{- $text := index . 0 -}}
{{- range $found := regexFindAll `__[A-Z_]+[A-Z]__` $text -1 | uniq -}}
{{- if not (hasKey $words $found) }}{{ fail (printf "a file of the chart has a word that the chart does not know: %s" $found) }}{{ end -}}
{{- end -}}
{{- range $word, $value := $words -}}{{- $text = replace $word $value $text -}}{{- end -}}
{{- $text -}}
{{- end }}

{{/* The files below /etc/prometheus/config, as JSON: key in the ConfigMap -> {path, text}. */}}
{{- define "jupyterhub-quota.prometheusFiles" -}}
{{- $files := dict
    "prometheus.yaml" (dict "path" "prometheus.yaml" "text" (include "jupyterhub-quota.prometheusConfig" .))
    "client.yml" (dict "path" "client.yml" "text" "basic_auth: {username_file: /etc/prometheus/auth/username, password_file: /etc/prometheus/auth/password}\n")
    "rules-ledger.yaml" (dict "path" "rules/ledger.yaml" "text" (.Files.Get "files/rules/ledger.yaml"))
-}}
{{- if .Values.alerts.enabled -}}
{{- $_ := set $files "rules-alerts.yaml" (dict "path" "rules/alerts.yaml" "text" (include "jupyterhub-quota.alerts" (list "files/rules/alerts.yaml" .))) -}}
{{- end -}}
{{- if .Values.metrics.enabled -}}
{{- $_ := set $files "scrape-jupyterhub.yaml" (dict "path" "scrape/jupyterhub.yaml" "text" (include "jupyterhub-quota.scrapeJupyterHub" .)) -}}
{{- end -}}
{{- with .Values.prometheus.extraScrapeConfigs -}}
{{- $_ := set $files "scrape-site.yaml" (dict "path" "scrape/site.yaml" "text" (dict "scrape_configs" . | toYaml)) -}}
{{- end -}}
{{- toJson $files -}}
{{- end }}
