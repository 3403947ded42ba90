#include "apps/topo/calibrate_picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/units.hpp"

namespace hsap::apps {
namespace {

constexpr double side = 360;    // of a panel
constexpr double left = 70;     // for numbers
constexpr double top = 60;      // for titles
constexpr double legend = 330;  // beside a panel
constexpr double line_height = 15;
constexpr const char* colours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e",
                                   "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  }
  return out;
}

std::string colour_of(std::size_t group) { return colours[group % std::size(colours)]; }

/// One kind of row: seconds on both axes, logarithmic.
class Panel {
 public:
  Panel(const std::vector<fit::Point>& points, std::string kind, double x)
      : kind_(std::move(kind)), x_(x) {
    for (const fit::Point& point : points) {
      if (point.kind != kind_) continue;
      points_.push_back(point);
      low_ = std::min({low_, point.measured_s, point.fitted_s});
      high_ = std::max({high_, point.measured_s, point.fitted_s});
    }
    low_ /= 1.5;
    high_ *= 1.5;
    groups_ = fit::groups_of(points_);
  }

  [[nodiscard]] std::string text() const { return axes() + dots() + names(); }

 private:
  [[nodiscard]] double at(double seconds) const {
    return side * std::log(seconds / low_) / std::log(high_ / low_);
  }
  [[nodiscard]] double across(double seconds) const { return x_ + at(seconds); }
  [[nodiscard]] double down(double seconds) const { return top + side - at(seconds); }

  [[nodiscard]] std::string line(double factor, const char* style) const {
    const double begin = low_ * std::max(1.0, 1 / factor);
    const double end = high_ * std::min(1.0, 1 / factor);
    return fmt::format("<line x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}' {}/>\n",
                       across(begin), down(begin * factor), across(end), down(end * factor), style);
  }

  [[nodiscard]] std::string axes() const {
    std::string out = fmt::format(
        "<rect x='{}' y='{}' width='{}' height='{}' fill='none' stroke='#888'/>\n"
        "<text x='{}' y='{}' font-weight='bold'>{}: fitted over measured seconds</text>\n",
        x_, top, side, side, x_, top - 10, kind_);
    for (double tick = std::pow(10, std::ceil(std::log10(low_))); tick < high_; tick *= 10) {
      out += fmt::format(
          "<text x='{:.1f}' y='{:.1f}' text-anchor='middle'>{}</text>\n"
          "<text x='{:.1f}' y='{:.1f}' text-anchor='end'>{}</text>\n",
          across(tick), top + side + 16, format_seconds(tick), x_ - 6, down(tick) + 4,
          format_seconds(tick));
    }
    constexpr const char* band = "stroke='#bbb' stroke-dasharray='4'";
    return out + line(1, "stroke='#000'") + line(1.1, band) + line(1 / 1.1, band);
  }

  [[nodiscard]] std::string dots() const {
    std::string out;
    for (const fit::Point& point : points_) {
      const auto group = std::find_if(groups_.begin(), groups_.end(), [&](const fit::Group& any) {
        return any.name == point.group;
      });
      out += fmt::format(
          "<circle cx='{:.1f}' cy='{:.1f}' r='3' fill='{}' fill-opacity='0.7'><title>{}: {}, "
          "{:+.1f} %</title></circle>\n",
          across(point.measured_s), down(point.fitted_s),
          colour_of(static_cast<std::size_t>(group - groups_.begin())), escaped(point.group),
          escaped(point.label), 100 * point.error());
    }
    return out;
  }

  [[nodiscard]] std::string names() const {
    std::string out;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      out +=
          fmt::format("<text x='{}' y='{:.1f}' fill='{}'>{}: {} rows, {:.1f} %</text>\n",
                      x_ + side + 12, top + 10 + line_height * static_cast<double>(i), colour_of(i),
                      escaped(groups_[i].name), groups_[i].rows, 100 * groups_[i].mape);
    }
    return out;
  }

  std::string kind_;
  double x_;
  std::vector<fit::Point> points_;
  std::vector<fit::Group> groups_;
  double low_ = 1e300;
  double high_ = 0;
};

}  // namespace

std::string calibration_picture(const fit::Calibration& found) {
  std::vector<std::string> kinds;
  for (const fit::Point& point : found.points) {
    if (std::find(kinds.begin(), kinds.end(), point.kind) == kinds.end()) {
      kinds.push_back(point.kind);
    }
  }
  const std::size_t groups = fit::groups_of(found.points).size();
  std::string panels;
  double x = left;
  for (const std::string& kind : kinds) {
    panels += Panel(found.points, kind, x).text();
    x += side + legend;
  }
  const double height = top + std::max(side + 40, 30 + line_height * static_cast<double>(groups));
  return fmt::format(
             "<svg xmlns='http://www.w3.org/2000/svg' width='{0}' height='{1}' "
             "font-family='sans-serif' font-size='11'>\n"
             "<rect width='{0}' height='{1}' fill='#fff'/>\n"
             "<text x='{2}' y='24' font-size='16'>{3}: {4} numbers fitted to {5} rows</text>\n",
             x, height, left, escaped(found.spec.name), found.numbers.size(), found.points.size()) +
         panels + "</svg>\n";
}

}  // namespace hsap::apps
