{{/* What every pod has in common: no token of the API server, nothing that the Pod Security Standard `restricted` forbids. Takes: (list uid $) */}}
{{- define "jupyterhub-quota.pod" -}}
{{- $root := index . 1 -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ index . 0 }}
  runAsGroup: {{ index . 0 }}
  fsGroup: {{ index . 0 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* What every container may not do. */}}
{{- define "jupyterhub-quota.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* The volume at /etc/jupyterhub-quota: what lets a pod ask Prometheus, and what else *sources* names. Takes: (list sources $) */}}
{{- define "jupyterhub-quota.accessVolume" -}}
{{- $root := index . 1 -}}
{{- $sources := index . 0 -}}
{{- if include "jupyterhub-quota.hasCredential" $root -}}
{{- $sources = append $sources (dict "secret" (dict "name" (include "jupyterhub-quota.credential" $root) "items" (list
    (dict "key" "username" "path" "prometheus/username") (dict "key" "password" "path" "prometheus/password")))) -}}
{{- end -}}
{{- if include "jupyterhub-quota.hasAuthority" $root -}}
{{- $sources = append $sources (dict "configMap" (dict "name" (printf "%s-hub" (include "jupyterhub-quota.name" $root)) "items" (list
    (dict "key" "ca.crt" "path" "ca/ca.crt")))) -}}
{{- end -}}
projected:
  sources:
    {{- toYaml $sources | nindent 4 }}
{{- end }}
