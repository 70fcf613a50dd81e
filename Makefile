# Development and the operators' commands. `make` alone lists them.
# Nothing here is needed to run the bridge: npm run demo, npm run test:all and node dist/main.js do without make.

NAMESPACE ?= default
IMAGE_REGISTRY ?=
ZMQ_IMAGE_NAME ?= zmq-listener
ZMQ_IMAGE_TAG ?= latest
PLATFORMS ?= linux/amd64,linux/arm64
KUBECTL ?= kubectl
ifndef CONTAINER_TOOL
CONTAINER_TOOL := $(shell command -v docker >/dev/null 2>&1 && echo docker || { command -v podman >/dev/null 2>&1 && echo podman; })
endif

ZMQ_IMAGE = $(if $(IMAGE_REGISTRY),$(IMAGE_REGISTRY:/=)/)$(ZMQ_IMAGE_NAME):$(ZMQ_IMAGE_TAG)
MANIFESTS = manifests/zmq-listener
DELETE = $(KUBECTL) delete --namespace "$(NAMESPACE)" --ignore-not-found

.DEFAULT_GOAL := help
.PHONY: help demo test build lint docs bench tour clean image \
  zmq-image-build zmq-image-push deploy-zmq-all deploy-zmq-listener deploy-sim deploy-vllm \
  delete-zmq-all delete-zmq-listener delete-sim delete-vllm clean-zmq \
  need-node need-container-tool need-registry need-kubectl

help: ## List the targets and the variables they read
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nVariables (now)\n'
	@printf '  %-20s %s\n' NAMESPACE '$(NAMESPACE)' IMAGE_REGISTRY '$(or $(IMAGE_REGISTRY),(none: a local image))' \
	  ZMQ_IMAGE_NAME '$(ZMQ_IMAGE_NAME)' ZMQ_IMAGE_TAG '$(ZMQ_IMAGE_TAG)' PLATFORMS '$(PLATFORMS)' \
	  CONTAINER_TOOL '$(or $(CONTAINER_TOOL),(neither docker nor podman found))'

##@ Develop

demo: need-node ## See it run: simulated engine -> bridge -> JSON lines and a durable file
	@node scripts/demo.mjs

test: need-node ## Lint, types, build and every test
	@node scripts/test.mjs

build: need-node ## Install what is missing and compile to dist/
	@node scripts/setup.mjs

lint: need-node ## Format, lint and type rules only
	@node scripts/setup.mjs
	@npm run --silent lint

docs: need-node ## Write docs/configuration.md again from the schema
	@node scripts/setup.mjs
	@node scripts/docs.mjs

bench: need-node ## Measure beside other bridges and write docs/benchmarks.md (ARGS="--quick")
	@node scripts/bench.mjs $(ARGS)

tour: need-node ## Break things one after the other and see who names the cause (ARGS="--only redis")
	@node scripts/tour.mjs $(ARGS)

clean: ## Remove what was built here; dependencies and data stay
	rm -rf dist dist-bench coverage data/demo

##@ Image (docker or podman)

image: zmq-image-build ## The same as zmq-image-build

zmq-image-build: need-container-tool ## Build the image for this machine
	$(CONTAINER_TOOL) build --tag "$(ZMQ_IMAGE)" .

# Docker builds and pushes a multi-platform image in one step; Podman collects the images under a manifest list first.
zmq-image-push: need-container-tool need-registry ## Build for PLATFORMS and push to IMAGE_REGISTRY
ifeq ($(notdir $(CONTAINER_TOOL)),podman)
	@$(CONTAINER_TOOL) manifest rm "$(ZMQ_IMAGE)" >/dev/null 2>&1 || true
	$(CONTAINER_TOOL) build --platform "$(PLATFORMS)" --manifest "$(ZMQ_IMAGE)" .
	$(CONTAINER_TOOL) manifest push --all "$(ZMQ_IMAGE)" "docker://$(ZMQ_IMAGE)"
else
	$(CONTAINER_TOOL) buildx build --platform "$(PLATFORMS)" --tag "$(ZMQ_IMAGE)" --push .
endif

##@ Kubernetes

deploy-zmq-all: deploy-zmq-listener deploy-sim deploy-vllm ## Deploy the listener, the simulator and vLLM

deploy-zmq-listener: need-kubectl ## Deploy the listener with the image named by the variables
	sed 's|image: zmq-listener:latest|image: $(ZMQ_IMAGE)|' $(MANIFESTS)/deploy_listener.yaml | $(KUBECTL) apply --namespace "$(NAMESPACE)" --filename -

deploy-sim: need-kubectl ## Deploy llm-d-inference-sim, publishing to the listener
	$(KUBECTL) apply --namespace "$(NAMESPACE)" --filename $(MANIFESTS)/deploy_simulator.yaml

deploy-vllm: need-kubectl ## Deploy vLLM (one GPU), publishing to the listener
	$(KUBECTL) apply --namespace "$(NAMESPACE)" --filename $(MANIFESTS)/deploy_vllm.yaml

delete-zmq-all: delete-zmq-listener delete-sim delete-vllm ## Delete all three

delete-zmq-listener: need-kubectl ## Delete the listener
	$(DELETE) --filename $(MANIFESTS)/deploy_listener.yaml

delete-sim: need-kubectl ## Delete the simulator
	$(DELETE) --filename $(MANIFESTS)/deploy_simulator.yaml

delete-vllm: need-kubectl ## Delete vLLM
	$(DELETE) --filename $(MANIFESTS)/deploy_vllm.yaml

clean-zmq: delete-zmq-all need-container-tool ## Delete all three and remove the local image
	@if $(CONTAINER_TOOL) image inspect "$(ZMQ_IMAGE)" >/dev/null 2>&1; \
	then $(CONTAINER_TOOL) rmi "$(ZMQ_IMAGE)"; else echo "no local image $(ZMQ_IMAGE)"; fi

need-node:
	@command -v node >/dev/null 2>&1 || { echo 'error: Node 20.19 or newer is needed and not on PATH: https://nodejs.org' >&2; exit 1; }

need-container-tool:
	@command -v "$(CONTAINER_TOOL)" >/dev/null 2>&1 || { echo 'error: docker or podman is needed and not on PATH (or set CONTAINER_TOOL)' >&2; exit 1; }

need-registry:
	@test -n "$(IMAGE_REGISTRY)" || { echo 'error: say where to push, for example IMAGE_REGISTRY=quay.io/me' >&2; exit 1; }

need-kubectl:
	@command -v "$(KUBECTL)" >/dev/null 2>&1 || { echo 'error: kubectl is needed and not on PATH (or set KUBECTL)' >&2; exit 1; }
