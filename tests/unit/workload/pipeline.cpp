#include <catch2/catch.hpp>
#include <numeric>

#include "hsap/model.hpp"

using namespace hsap;

namespace {

Model model_of(int layers) {
  Model model;
  model.layers = layers;
  return model;
}

}  // namespace

TEST_CASE("Llama 3's layers over the stages of published runs") {
  const Pipeline seventy = *pipeline_of(model_of(80), 8, 5);
  CHECK(seventy.layers == std::vector(40, 2));
  CHECK(seventy.layers_of(3) == 10);
  // arXiv 2407.21783, section 3.3.2: a layer less on the first and the last stage.
  const Pipeline all = *pipeline_of(model_of(126), 16, 1);
  CHECK(all.layers_of(0) == 7);
  CHECK(all.layers_of(1) == 8);
  CHECK(all.layers_of(15) == 7);
  const Pipeline interleaved = *pipeline_of(model_of(126), 8, 8);
  CHECK(interleaved.pieces() == 64);
  CHECK(interleaved.layers_of(0) == 15);
  CHECK(interleaved.layers_of(7) == 15);
  CHECK(std::accumulate(interleaved.layers.begin(), interleaved.layers.end(), 0) == 126);
}

TEST_CASE("one stage has all layers, and attention alone has one stage") {
  CHECK(pipeline_of(model_of(7), 1, 1)->layers == std::vector{7});
  CHECK(pipeline_of(model_of(0), 1, 1)->layers == std::vector{0});
  CHECK(pipeline_of(model_of(0), 2, 1).error().kind == ErrorKind::bad_input);
  CHECK(pipeline_of(model_of(8), 1, 2).error().kind == ErrorKind::bad_input);
}

TEST_CASE("layers that cannot be dealt out are the answer no") {
  CHECK(pipeline_of(model_of(32), 5, 1).error().text() ==
        "32 layers cannot be cut into 5 equal pieces");
  CHECK(pipeline_of(model_of(32), 17, 2).error().kind == ErrorKind::infeasible);  // some empty
  CHECK(pipeline_of(model_of(32), 16, 2)->layers == std::vector(32, 1));
}
