{{/* The block of values for the `jupyterhub` chart. */}}
{{- define "jupyterhub-quota.hubValues" -}}
{{- $scopes := list "list:users" "read:users:name" "read:users:groups" "read:servers" -}}
{{- if eq (.Values.policy.while_running | default "warn") "stop" -}}{{- $scopes = append $scopes "delete:servers" -}}{{- end -}}
{{- include "jupyterhub-quota.words" (list (.Files.Get "files/hub/values.yaml") (dict
    "__HUB_IMAGE__" (include "jupyterhub-quota.image" .Values.images.hub)
    "__HUB_PULL_POLICY__" .Values.images.hub.pullPolicy
    "__NAME__" (include "jupyterhub-quota.name" .)
    "__SCOPES__" ($scopes | toJson | replace "," ", ")
    "__CREDENTIAL__" (include "jupyterhub-quota.credential" .)
  )) -}}
{{- end }}

{{/* What the hub in this namespace still lacks, a sentence in each line; empty if nothing, or if it cannot be seen. */}}
{{- define "jupyterhub-quota.hubLacks" -}}
{{- $hub := lookup "apps/v1" "Deployment" .Release.Namespace .Values.hub.name -}}
{{- if $hub }}
{{- $image := include "jupyterhub-quota.image" .Values.images.hub -}}
{{- $pod := $hub.spec.template.spec -}}
{{- $found := "" -}}
{{- range $pod.initContainers }}{{ if eq .name "jupyterhub-quota" }}{{ $found = .image }}{{ end }}{{ end -}}
{{- if not $found }}
- hub.initContainers: our packages are not put beside the hub's.
{{- else if ne $found $image }}
- hub.initContainers: the image is {{ $found }}, and this chart's is {{ $image }}.
{{- end }}
{{- $volumes := list -}}
{{- range $pod.volumes }}{{ $volumes = append $volumes .name }}{{ end -}}
{{- range list "jupyterhub-quota" "jupyterhub-quota-code" }}
{{- if not (has . $volumes) }}
- hub.extraVolumes: there is no volume '{{ . }}'.
{{- end }}
{{- end }}
{{- $mounts := list -}}
{{- range $pod.containers }}{{ range .volumeMounts }}{{ $mounts = append $mounts .mountPath }}{{ end }}{{ end -}}
{{- range list "/etc/jupyterhub-quota" "/opt/jupyterhub-quota" }}
{{- if not (has . $mounts) }}
- hub.extraVolumeMounts: nothing is mounted at {{ . }}.
{{- end }}
{{- end }}
{{- $secret := (lookup "v1" "Secret" .Release.Namespace .Values.hub.name).data | default dict -}}
{{- $services := list "quota" -}}
{{- if .Values.metrics.enabled }}{{ $services = append $services "quota-metrics" }}{{ end -}}
{{- range $services }}
{{- if not (hasKey $secret (printf "hub.services.%s.apiToken" .)) }}
- hub.services.{{ . }}: the hub does not know it.
{{- end }}
{{- end }}
{{- $values := index $secret "values.yaml" | default "" | b64dec -}}
{{- if and $values (not (contains "/etc/jupyterhub-quota/hub/jupyterhub_config.py" $values)) }}
- hub.extraConfig: nothing runs /etc/jupyterhub-quota/hub/jupyterhub_config.py.
{{- end }}
{{- if and $values (eq (.Values.policy.while_running | default "warn") "stop") (not (contains "delete:servers" $values)) }}
- hub.loadRoles.quota.scopes: 'delete:servers' is missing, so that nothing is stopped (while_running: stop).
{{- end }}
{{- if and $values (not (contains "refresh_pre_spawn" $values)) }}
- hub.config.Authenticator.refresh_pre_spawn: is not set, so that a larger group counts from the next login only.
{{- end }}
{{- end }}
{{- end }}
