{{/* How all names begin. Fixed, not after the release: values of the `jupyterhub` chart name these objects and cannot be templated. */}}
{{- define "jupyterhub-quota.name" -}}
{{ .Values.fullnameOverride | default "jupyterhub-quota" }}
{{- end }}

{{/* Labels by which a part is selected. Takes: (list part $) */}}
{{- define "jupyterhub-quota.selector" -}}
{{- $root := index . 1 -}}
app.kubernetes.io/name: {{ include "jupyterhub-quota.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 0 }}
{{- end }}

{{/* All labels of an object. Takes: (list part $) */}}
{{- define "jupyterhub-quota.labels" -}}
{{- $root := index . 1 -}}
{{ include "jupyterhub-quota.selector" . }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | replace "+" "_" | trunc 63 | quote }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | quote }}
{{- with $root.Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* An image: its digest counts where there is one. Takes: the values of an image */}}
{{- define "jupyterhub-quota.image" -}}
{{- if .digest -}}
{{ .name }}@{{ .digest }}
{{- else -}}
{{ .name }}:{{ required (printf "the image %s has no tag; write one, for example 'tag: 0.1.0'" .name) .tag }}
{{- end }}
{{- end }}

{{/* The name of the Secret that lets the hub and the usage page ask Prometheus. */}}
{{- define "jupyterhub-quota.credential" -}}
{{ .Values.prometheus.auth.existingSecret | default (printf "%s-prometheus" (include "jupyterhub-quota.name" .)) }}
{{- end }}

{{/* Where Prometheus is asked. */}}
{{- define "jupyterhub-quota.ledgerUrl" -}}
{{- if eq .Values.prometheus.mode "external" -}}
{{ .Values.prometheus.external.url }}
{{- else -}}
http://{{ include "jupyterhub-quota.name" . }}-prometheus:9090
{{- end }}
{{- end }}

{{/* Whether asking Prometheus takes a credential. An external one may do without. */}}
{{- define "jupyterhub-quota.hasCredential" -}}
{{- if or (eq .Values.prometheus.mode "managed") .Values.prometheus.auth.existingSecret -}}yes{{- end }}
{{- end }}

{{/* Whether Prometheus' certificate is that of an authority that values give. */}}
{{- define "jupyterhub-quota.hasAuthority" -}}
{{- if and (eq .Values.prometheus.mode "external") .Values.prometheus.external.ca -}}yes{{- end }}
{{- end }}

{{/* The hub's base path, with a slash at both ends. */}}
{{- define "jupyterhub-quota.basePath" -}}
{{- $path := trimAll "/" .Values.hub.baseUrl -}}
{{- if $path }}/{{ $path }}/{{ else }}/{{ end -}}
{{- end }}

{{/* The namespaces of users' pods, that of the release first. JSON. */}}
{{- define "jupyterhub-quota.namespaces" -}}
{{- concat (list .Release.Namespace) .Values.kubeStateMetrics.namespaces | uniq | toJson -}}
{{- end }}
