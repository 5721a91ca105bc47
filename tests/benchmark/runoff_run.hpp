// A window of runoff of random weather, on one core or on a GPU.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "dpl/base/random.hpp"
#include "dpl/physics/aligned_vector.hpp"
#include "dpl/physics/device_array.hpp"
#include "dpl/physics/runoff.hpp"

namespace dpl::bench {

/// A window of random weather and random parameters; all that may be dynamic is, or nothing.
class RunoffRun {
 public:
  RunoffRun(RunoffVariant variant, Index catchments, bool dynamic, Device device = Device::cpu)
      : catchments_(catchments), on_device_(runs_device_loops(device)), device_(device) {
    RunoffOptions o;
    o.device = device;
    o.variant = variant;
    o.catchments = catchments;
    o.components = usual_components(variant);
    if (dynamic) o.dynamic = dynamic_runoff_parameters(variant);
    if (variant == RunoffVariant::hbv_2_0) {
      o.area_km2.assign(catchments, 800.0);
      o.elevation_m.assign(catchments, 600.0);
    }
    model_ = std::make_unique<Runoff<float>>(o);
    auto draw = [n = std::uint32_t{0}]() mutable { return random_uniform({1, Purpose::test, 0, 5}, n++); };
    for (Count t = 0; t < kDays; ++t)
      for (Index c = 0; c < catchments; ++c) {
        P_.push_back(static_cast<float>(draw() < 0.4 ? 20 * draw() : 0));
        T_.push_back(static_cast<float>(12 * std::sin(0.0172 * static_cast<double>(t)) + 10 * draw()));
        PET_.push_back(static_cast<float>(5 * draw()));
      }
    for (const auto& p : model_->parameters())
      for (Count l = 0; l < model_->lanes(); ++l)
        fixed_.push_back(static_cast<float>(p.lower + draw() * (p.upper - p.lower)));
    // Days repeat one of 31 rows: drawing them all would take longer than running.
    const auto all = runoff_parameters(RunoffVariant::hbv_2_0);
    const Count row = model_->dynamic_size(1);
    for (Count t = 0; t < 31 && dynamic; ++t)
      for (const auto& name : o.dynamic)
        for (const auto& p : all)
          if (name == p.name)
            for (Count l = 0; l < model_->lanes(); ++l)
              dynamic_.push_back(static_cast<float>(p.lower + draw() * (p.upper - p.lower)));
    dynamic_.resize(model_->dynamic_size(kDays));
    for (Count t = 31; t < kDays && dynamic; ++t)
      std::copy_n(dynamic_.begin() + (t % 31) * row, row, dynamic_.begin() + t * row);
    runoff_.resize(kDays * catchments);
    seed_.assign(runoff_.size(), 1.0f);
    fixed_adjoint_.resize(fixed_.size());
    dynamic_adjoint_.resize(dynamic_.size());
    forcing_ = {P_.data(), T_.data(), PET_.data(), kDays};
    parameters_ = {fixed_, dynamic_};
    gradient_ = {fixed_adjoint_, dynamic_adjoint_, {}};
    if (on_device_) put_there();
  }

  /// Forcing, dynamic parameters and their gradient lie where the model runs.
  void forward(bool tape) {
    model_->forward(forcing_, parameters_, {}, runoff_, {}, tape ? 0 : Runoff<float>::kNoTape);
  }
  void adjoint() { model_->adjoint(seed_, {}, gradient_); }
  double component_days() const { return static_cast<double>(model_->lanes()) * kDays; }
  double tape_bytes() const { return static_cast<double>(model_->tape_bytes(kDays)); }
  /// That must come from or go to memory: dynamic parameters (read twice with the adjoint), their gradient (its lines
  /// are read first), the tape; forcing and runoff are a sixteenth of it.
  double bytes(bool adjoint) const {
    const double dynamic = 4 * static_cast<double>(dynamic_.size()), forcing = 4 * static_cast<double>(P_.size());
    return adjoint ? 4 * dynamic + 2 * tape_bytes() + 9 * forcing : dynamic + 4 * forcing;
  }

  static constexpr Count kDays = 730;

 private:
  void put_there() {
    const auto upload = [&](const AlignedVector<float>& from) {
      there_.emplace_back(device_);
      there_.back().set(from.data(), from.size());
      return there_.back().data();
    };
    forcing_ = {upload(P_), upload(T_), upload(PET_), kDays, true};
    parameters_ = {fixed_, {upload(dynamic_), dynamic_.size()}, true};
    gradient_ = {fixed_adjoint_, {upload(dynamic_adjoint_), dynamic_.size()}, {}, true};
    wait_for(device_);
  }

  Index catchments_;
  bool on_device_;
  Device device_;
  std::vector<DeviceArray<float>> there_;
  RunoffForcing<float> forcing_;
  RunoffParameters<float> parameters_;
  RunoffGradient<float> gradient_;
  std::unique_ptr<Runoff<float>> model_;
  AlignedVector<float> P_, T_, PET_, fixed_, dynamic_, runoff_, seed_, fixed_adjoint_,
      dynamic_adjoint_;  // aligned, as tensors are
};

}  // namespace dpl::bench
