# geoglot with the CPU build of torch. Nothing is downloaded when it runs.
#   docker build -t geoglot .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" geoglot demo
#   docker run --rm -p 8765:8765 -e GEOGLOT_SERVE_TOKEN=choose-at-least-16-letters -v "$PWD:/data" geoglot serve scene.tif --public
FROM python:3.12-slim AS build
COPY . /source
RUN pip wheel --quiet --no-deps --wheel-dir /wheels /source

FROM python:3.12-slim
# The wheels of rasterio and pyogrio bring GDAL, but not expat.
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends libexpat1 && rm -rf /var/lib/apt/lists/*
COPY requirements/constraints.txt /wheels/
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(grep ^torch== /wheels/constraints.txt)" --index-url https://download.pytorch.org/whl/cpu \
 && pip install --no-cache-dir --constraint /wheels/constraints.txt "$(echo /wheels/geoglot-*.whl)[serve,ask]"
ENV GEOGLOT_CACHE=/data/.geoglot HOME=/tmp
WORKDIR /data
ENTRYPOINT ["geoglot"]
CMD ["--help"]
