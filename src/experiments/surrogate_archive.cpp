// Draws of parameters, runs of own places, one file a place and part.
#include "dpl/experiments/surrogate_archive.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/random.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/training/durable_folder.hpp"
#include "dpl/training/tensor_file.hpp"

namespace dpl {
namespace {

using Json = nlohmann::json;

template <class Real>
NamedTensor tensor_of(const std::string& name, const std::vector<Real>& values, Index rows) {
  const auto columns = static_cast<std::int64_t>(values.size()) / rows;
  at::Tensor t = at::empty({std::int64_t{rows}, columns}, at::TensorOptions().dtype(c10::CppTypeToScalarType<Real>::value));
  std::copy(values.begin(), values.end(), t.template mutable_data_ptr<Real>());
  return {name, t};
}

std::string fingerprint_of(std::span<const double> shares) { return Fingerprint().add(shares).hex(); }

}  // namespace

std::vector<double> first_shares(std::uint64_t seed, std::uint64_t place_key, std::size_t parameters, Index runs) {
  std::vector<double> shares(static_cast<std::size_t>(runs) * parameters);
  for (std::size_t p = 0; p < parameters; ++p) {
    const RandomKey key{seed, Purpose::surrogate_archive, p, place_key};
    std::vector<Index> stratum(static_cast<std::size_t>(runs));
    std::iota(stratum.begin(), stratum.end(), 0);
    for (std::size_t k = stratum.size(); k > 1; --k)  // Fisher and Yates
      std::swap(stratum[k - 1], stratum[random_index(key, k, static_cast<std::uint32_t>(2 * k))]);
    for (std::size_t k = 0; k < stratum.size(); ++k)
      shares[k * parameters + p] =
          (stratum[k] + random_uniform(key, static_cast<std::uint32_t>(2 * k + 1))) / static_cast<double>(runs);
  }
  return shares;
}

std::vector<double> near_shares(std::uint64_t seed, std::uint64_t place_key, std::span<const double> centre,
                                double spread, Index runs, Index round) {
  std::vector<double> shares;
  for (Index k = 0; k < runs; ++k)
    for (std::size_t p = 0; p < centre.size(); ++p) {
      const RandomKey key{seed, Purpose::surrogate_near, static_cast<std::uint64_t>(round), place_key};
      const auto draw = static_cast<std::uint32_t>(static_cast<std::size_t>(k) * centre.size() + p);
      double x = centre[p] + (k == 0 ? 0.0 : spread * random_normal(key, draw));
      while (x < 0 || x > 1) x = x < 0 ? -x : 2 - x;
      shares.push_back(x);
    }
  return shares;
}

SurrogateArchive::SurrogateArchive(const BasinProblem& problem, const BasinSeries& series, const RunFolder& folder,
                                   const Period& period, Count warmup, std::string settings)
    : problem_(problem),
      series_(series),
      folder_(folder),
      period_(period),
      warmup_(warmup),
      settings_(fmt::format("{}; {} to {}, warmup {}", settings, iso_date(period.start.day), iso_date(period.end.day),
                            warmup)),
      program_(problem.config.surrogate) {
  agree_on_root(problem.comm, "archive", [&] {
    std::error_code ignored;
    std::filesystem::create_directories(folder.file("archive"), ignored);
  });
}

std::string SurrogateArchive::path(Index own, const std::string& name) const {
  return folder_.file(fmt::format("archive/{}_{}", problem_.id(problem_.first_own() + own), name));
}

ProgramForcing SurrogateArchive::forcing_of(Index own) const {
  ProgramForcing f;
  f.first_day = period_.start.day - warmup_;
  for (Count day = f.first_day; day <= period_.end.day; ++day) {
    const auto at = static_cast<std::size_t>(Count{own} * series_.days + series_.row(day));
    f.precipitation_mm_day.push_back(series_.precipitation_mm_day[at]);
    f.temperature_degc.push_back(series_.temperature_degc[at]);
    f.pet_mm_day.push_back(series_.pet_mm_day[at]);
  }
  return f;
}

ArchivePart SurrogateArchive::run(Index own, const std::string& name, std::vector<double> shares) {
  const auto parameters = problem_.config.surrogate.parameters;
  ArchivePart part{name, shares, {}, static_cast<Index>(shares.size() / parameters.size())};
  to_physical(parameters, shares);
  const auto all = program_.run(problem_.id(problem_.first_own() + own), forcing_of(own), shares, path(own, name) + "_files");
  const auto days = static_cast<std::size_t>(warmup_ + period_.days());
  for (std::size_t k = 0; k < static_cast<std::size_t>(part.runs); ++k)
    part.runoff.insert(part.runoff.end(), all.begin() + static_cast<std::ptrdiff_t>(k * days + static_cast<std::size_t>(warmup_)),
                       all.begin() + static_cast<std::ptrdiff_t>((k + 1) * days));
  return part;
}

std::optional<ArchivePart> SurrogateArchive::stored(Index own, const std::string& name,
                                                    std::span<const double> shares) const {
  const std::string json_path = path(own, name) + ".json";
  if (!std::filesystem::exists(json_path)) return std::nullopt;
  try {
    const Json json = Json::parse(read_text(json_path));
    if (json.at("settings") != settings_ || json.at("shares") != fingerprint_of(shares))
      fail("{}: was made with \"{}\", now it is \"{}\"{}; use the configuration of that run, or begin a new one", json_path,
           json.at("settings").get<std::string>(), settings_,
           json.at("settings") == settings_ ? ", with other parameters" : "");
    std::vector<TensorRecord> records;
    for (const auto& r : json.at("tensors")) records.push_back({r.at(0), r.at(1), r.at(2), r.at(3)});
    const auto tensors = read_tensors(path(own, name) + ".nc", records);
    ArchivePart part{name, {shares.begin(), shares.end()}, {}, json.at("runs")};
    const at::Tensor& runoff = tensors.back().tensor;
    part.runoff.assign(runoff.const_data_ptr<float>(), runoff.const_data_ptr<float>() + runoff.numel());
    return part;
  } catch (const Json::exception& problem) {
    fail("{}: is not a part of an archive ({}); remove it to run that place again", json_path, problem.what());
  }
}

// The numbers first, then the text that says they are whole.
void SurrogateArchive::keep(Index own, const ArchivePart& part) const {
  const std::string to = path(own, part.name);
  const std::vector<NamedTensor> tensors{tensor_of("shares", part.shares, part.runs),
                                         tensor_of("runoff_mm_day", part.runoff, part.runs)};
  write_tensors(to + ".nc.tmp", tensors);
  publish_file(to + ".nc.tmp", to + ".nc");
  Json records = Json::array();
  for (const auto& t : tensors) {
    const auto r = describe_tensor(t);
    records.push_back({r.name, r.shape, r.type, r.checksum});
  }
  Json json{{"place_id", problem_.id(problem_.first_own() + own)}, {"settings", settings_},
            {"shares", fingerprint_of(part.shares)}, {"runs", part.runs}, {"tensors", records}};
  {
    std::ofstream out(to + ".json.tmp");
    out << json.dump() << "\n";
    out.flush();
    if (!out) fail("{}.json: cannot be written; check that the folder is writable and the disk is not full", to);
  }
  publish_file(to + ".json.tmp", to + ".json");
}

std::optional<std::vector<ArchivePart>> SurrogateArchive::make(
    const std::string& name, const std::function<std::vector<double>(Index own)>& shares_of) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<ArchivePart> parts(static_cast<std::size_t>(problem_.own()));
  std::vector<Index> pending;
  agree(problem_.comm, "archive", [&] {
    for (Index k = 0; k < problem_.own(); ++k) {
      auto part = stored(k, name, shares_of(k));
      if (part) parts[static_cast<std::size_t>(k)] = std::move(*part);
      else pending.push_back(k);
    }
  });
  const Count missing = problem_.comm.sum(static_cast<std::int64_t>(pending.size()));
  if (missing < problem_.size())
    log_info("runs {}: {} of {} places are in the archive already", name, problem_.size() - missing, problem_.size());
  Progress progress("place", problem_.size(), "runs", problem_.size() - missing);
  Count runs = 0;
  for (std::size_t next = 0; problem_.comm.any(next < pending.size()); ++next) {
    if (problem_.comm.any(stop_requested())) return std::nullopt;
    agree(problem_.comm, "archive", [&] {
      if (next >= pending.size()) return;
      const Index k = pending[next];
      ArchivePart part = run(k, name, shares_of(k));
      keep(k, part);
      runs += part.runs;
      parts[static_cast<std::size_t>(k)] = std::move(part);
    });
    const Count done = problem_.comm.sum(static_cast<std::int64_t>(std::min(next + 1, pending.size())));
    progress.show(problem_.size() - missing + done, static_cast<double>(problem_.comm.sum(runs)), name);
  }
  runs_made_ += problem_.comm.sum(runs);
  seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return parts;
}

}  // namespace dpl
